//! `rbd config global|pool|image set`

use clap::Command;
use marcot_image::config::option::RbdOption;
use marcot_image::config::{global, overrides};
use marcot_image::{Access, config::ConfigError};

use super::{Level, Named, Place, key, option};
use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const GLOBAL: CommandDef = CommandDef {
    name: "config global set",
    alias: None,
    about: "Set an option for the store's clients",
    define: |command| define(Level::Global, command),
    run: |arguments, session| run(Level::Global, arguments, session),
};

pub(crate) const POOL: CommandDef = CommandDef {
    name: "config pool set",
    alias: None,
    about: "Set an option for a pool",
    define: |command| define(Level::Pool, command),
    run: |arguments, session| run(Level::Pool, arguments, session),
};

pub(crate) const IMAGE: CommandDef = CommandDef {
    name: "config image set",
    alias: None,
    about: "Set an option for an image",
    define: |command| define(Level::Image, command),
    run: |arguments, session| run(Level::Image, arguments, session),
};

fn define(level: Level, command: Command) -> Command {
    key(level.define(command)).arg(options::word("value", "its value"))
}

fn run(level: Level, arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let named = Named::read(level, arguments)?;
    let option = option(arguments)?;
    let text = arguments.next_word().unwrap_or_default();
    if level == Level::Image && text.is_empty() {
        return Err(UsageError::unfitting("image config value was not specified").into());
    }
    let client = session.client()?;
    let place = named.open(session, Access::ReadWrite)?;
    match &place {
        Place::Global(section) => {
            let value = option.parse(&text).map_err(|error| {
                let text = format!("error setting {}: {error}", option.name);
                Failure::line(text, error.errno())
            })?;
            let value = value.to_string();
            let set = global::set(&*client.store, section, option, &value);
            session.wait(set).map_err(|error| failed(option, &error.into()))?;
        }
        Place::Pool(pool) => session
            .wait(overrides::set_pool(client, *pool, option, &text))
            .map_err(|error| failed(option, &error))?,
        Place::Image(image) => session
            .wait(overrides::set_image(image, option, &text))
            .map_err(|error| failed(option, &error))?,
    }
    place.close(session)
}

fn failed(option: &RbdOption, error: &ConfigError) -> Failure {
    Failure::refused(format!("failed to set {}", option.name), error)
}
