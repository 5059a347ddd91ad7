//! `rbd config global|pool|image get`

use clap::Command;
use marcot_image::config::{global, overrides};
use marcot_image::{Access, config::ConfigError};
use marcot_store::Errno;

use super::{Level, Named, Place, key, option};
use crate::args::Arguments;
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const GLOBAL: CommandDef = CommandDef {
    name: "config global get",
    alias: None,
    about: "Show an option that the store sets",
    define: |command| define(Level::Global, command),
    run: |arguments, session| run(Level::Global, arguments, session),
};

pub(crate) const POOL: CommandDef = CommandDef {
    name: "config pool get",
    alias: None,
    about: "Show an option that a pool sets",
    define: |command| define(Level::Pool, command),
    run: |arguments, session| run(Level::Pool, arguments, session),
};

pub(crate) const IMAGE: CommandDef = CommandDef {
    name: "config image get",
    alias: None,
    about: "Show an option that an image sets",
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
    let value = match named.open(session, Access::ReadOnly)? {
        Place::Global(section) => session
            .wait(global::get(&*client.store, &section, option))
            .map_err(ConfigError::from)
            .and_then(|value| {
                value.ok_or_else(|| ConfigError::NotSet { name: option.name.to_owned() })
            }),
        Place::Pool(pool) => session.wait(overrides::get_pool(client, pool, option)),
        Place::Image(image) => session.wait(overrides::get_image(&image, option)),
    };
    match value {
        Ok(value) => console::print(&format!("{value}\n")),
        Err(error @ ConfigError::NotSet { .. }) => {
            Err(Failure::line(error.to_string(), Errno::NOENT))
        }
        Err(error) => Err(Failure::refused(format!("failed to get {}", option.name), &error)),
    }
}
