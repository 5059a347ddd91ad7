//! `rados append`

use clap::Command;
use marcot_store::WriteStep;

use super::input::Input;
use super::place::{self, Place, refused};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "append",
    alias: None,
    about: "Add a file, - for standard input, to an object's data",
    define,
    run,
};

fn define(command: Command) -> Command {
    place::object(command).arg(options::word("infile", "the data"))
}

/// Nothing to append makes an object too.
fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let path = place::required(arguments, "file")?;
    let place = Place::open(arguments, session)?;
    let Some(mut input) = Input::open(path) else { return Ok(()) };
    let failed = format!("error appending {}", place.shown(&name));
    let mut next = Some(input.next(&failed)?.unwrap_or_default());
    while let Some(data) = next {
        place
            .write(&name, WriteStep::Append { data })?
            .map_err(|error| refused(&format!("{failed}: {}", error.errno)))?;
        next = input.next(&failed)?;
    }
    Ok(())
}
