//! `rados setomapval`

use bytes::Bytes;
use clap::Command;
use marcot_store::WriteStep;

use super::super::input;
use super::super::place::{self, Place, refused};
use super::key::{self, Key};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "setomapval",
    alias: None,
    about: "Set a value of an object's omap; without a value: to what standard input holds",
    define,
    run,
};

fn define(command: Command) -> Command {
    key::define(command).args([
        options::word("val", "the value"),
        options::text("input-file", "a file that holds the value"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let key = Key::of(arguments)?;
    let value = value(arguments)?;
    let place = Place::open(arguments, session)?;
    let at = key.shown(&place, &name);
    place
        .write(&name, WriteStep::OmapSet { entries: vec![(key.bytes, value)] })?
        .map_err(|error| refused(&format!("error setting omap value {at}: {}", error.errno)))
}

/// The word comes before the file.
fn value(arguments: &Arguments) -> Result<Bytes, Failure> {
    if let Some(value) = arguments.next_word() {
        return Ok(value.into());
    }
    let Some(path) = arguments.text("input-file") else { return input::standard_input() };
    let bytes = std::fs::read(&path).map_err(|error| {
        let errno = place::errno(&error);
        refused(&format!("error reading file {path}: can't open {path}: {errno}"))
    })?;
    Ok(bytes.into())
}
