//! `rbd config global|pool|image …`: one file a verb, each for all three places.

use std::sync::Arc;

use clap::Command;
use marcot_image::config::global::Section;
use marcot_image::config::option::{self, RbdOption};
use marcot_image::{Access, Image};
use marcot_store::{Errno, PoolId};

use crate::args::spec::{self, ImageSpec, PoolSpec, SnapRule, Wanted};
use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod set;

/// Which kind of place a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Global,
    Pool,
    Image,
}

impl Level {
    fn define(self, command: Command) -> Command {
        match self {
            Level::Global => command
                .arg(options::word("config-entity", "who it is for: global, client or client.ID")),
            Level::Pool => command.arg(options::word("pool-name", "pool name")),
            Level::Image => options::image(command),
        }
    }
}

/// A place by name.
enum Named {
    Global(Section),
    Pool(PoolSpec),
    Image(ImageSpec),
}

/// A place that is there.
enum Place {
    Global(Section),
    Pool(PoolId),
    Image(Arc<Image>),
}

impl Named {
    fn read(level: Level, arguments: &Arguments) -> Result<Named, Failure> {
        match level {
            Level::Global => section(arguments).map(Named::Global),
            Level::Pool => Ok(Named::Pool(pool(arguments)?)),
            Level::Image => {
                Ok(Named::Image(spec::image(arguments, Wanted::existing(SnapRule::Refused))?))
            }
        }
    }

    fn open(&self, session: &Session, access: Access) -> Result<Place, Failure> {
        Ok(match self {
            Named::Global(section) => Place::Global(section.clone()),
            Named::Pool(at) => Place::Pool(session.pool_id(at)?),
            Named::Image(spec) => Place::Image(session.open_head(spec, access)?),
        })
    }
}

impl Place {
    fn close(&self, session: &Session) -> Result<(), Failure> {
        match self {
            Place::Image(image) => session.close_image(image),
            Place::Global(_) | Place::Pool(_) => Ok(()),
        }
    }
}

fn section(arguments: &Arguments) -> Result<Section, Failure> {
    let word = arguments.next_word().unwrap_or_default();
    Section::parse(&word).ok_or_else(|| {
        let text = format!("invalid config entity: {word} (must be global, client or client.<id>)");
        Failure::line(text, Errno::INVAL)
    })
}

/// The whole word is the pool's name: options of a namespace are its pool's.
fn pool(arguments: &Arguments) -> Result<PoolSpec, UsageError> {
    let word = arguments.next_word().filter(|word| !word.is_empty());
    let name = word.ok_or_else(|| UsageError::unfitting("pool name was not specified"))?;
    Ok(PoolSpec { pool: Some(name), namespace: String::new() })
}

fn key(command: Command) -> Command {
    command.arg(options::word("key", "name of the option"))
}

/// The option that the next word names.
fn option(arguments: &Arguments) -> Result<&'static RbdOption, Failure> {
    let word = arguments.next_word().filter(|word| !word.is_empty());
    let word = word.ok_or_else(|| UsageError::unfitting("config key was not specified"))?;
    option::find(&word).map_err(|error| Failure::line(error.to_string(), error.errno()))
}
