//! `rados clearomap`

use clap::Command;
use marcot_store::WriteStep;

use super::super::place::{self, Place, refused};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "clearomap",
    alias: None,
    about: "Remove all keys of the omaps of objects",
    define,
    run,
};

fn define(command: Command) -> Command {
    place::place(command).arg(options::word("obj-name", "the objects").num_args(0..))
}

/// Stops at the first that is not there.
fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let first = place::required(arguments, "object")?;
    let place = Place::open(arguments, session)?;
    for name in std::iter::once(first).chain(arguments.remaining_words()) {
        place.write(&name, WriteStep::OmapClear)?.map_err(|error| {
            // As `rados` words it.
            let at = place.shown(&name);
            refused(&format!("error clearing omap keys {at}/{}", error.errno))
        })?;
    }
    Ok(())
}
