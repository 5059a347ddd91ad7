//! `rados rm`

use clap::Command;
use marcot_store::WriteStep;

use super::place::{self, Place, refused};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "rm", alias: None, about: "Remove objects", define, run };

fn define(command: Command) -> Command {
    place::place(command).arg(options::word("obj-name", "the objects").num_args(0..))
}

/// Stops at the first that cannot be removed.
fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let first = place::required(arguments, "object")?;
    let place = Place::open(arguments, session)?;
    for name in std::iter::once(first).chain(arguments.remaining_words()) {
        place.write(&name, WriteStep::Remove)?.map_err(|error| {
            refused(&format!("error removing {}: {}", place.shown_apart(&name), error.errno))
        })?;
    }
    Ok(())
}
