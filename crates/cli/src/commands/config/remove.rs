//! `rbd config global|pool|image remove`

use clap::Command;
use marcot_image::config::{global, overrides};
use marcot_image::{Access, config::ConfigError};

use super::{Level, Named, Place, key, option};
use crate::args::Arguments;
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const GLOBAL: CommandDef = CommandDef {
    name: "config global remove",
    alias: Some("config global rm"),
    about: "Take back an option that the store sets",
    define: |command| define(Level::Global, command),
    run: |arguments, session| run(Level::Global, arguments, session),
};

pub(crate) const POOL: CommandDef = CommandDef {
    name: "config pool remove",
    alias: Some("config pool rm"),
    about: "Take back an option that a pool sets",
    define: |command| define(Level::Pool, command),
    run: |arguments, session| run(Level::Pool, arguments, session),
};

pub(crate) const IMAGE: CommandDef = CommandDef {
    name: "config image remove",
    alias: Some("config image rm"),
    about: "Take back an option that an image sets",
    define: |command| define(Level::Image, command),
    run: |arguments, session| run(Level::Image, arguments, session),
};

fn define(level: Level, command: Command) -> Command {
    key(level.define(command))
}

fn run(level: Level, arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let named = Named::read(level, arguments)?;
    let option = option(arguments)?;
    let client = session.client()?;
    let place = named.open(session, Access::ReadWrite)?;
    let removed = match &place {
        Place::Global(section) => {
            session.wait(global::remove(&*client.store, section, option)).map_err(ConfigError::from)
        }
        Place::Pool(pool) => session.wait(overrides::remove_pool(client, *pool, option)),
        Place::Image(image) => session.wait(overrides::remove_image(image, option)),
    };
    removed.map_err(|error| match error {
        ConfigError::NotSet { .. } => {
            Failure::verb(format!("failed to remove {}", option.name), error.errno())
        }
        _ => Failure::refused(format!("failed to remove {}", option.name), &error),
    })?;
    place.close(session)
}
