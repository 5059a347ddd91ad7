//! `rados put`

use clap::Command;
use marcot_store::op::CreateMode;
use marcot_store::{ReadResult, ReadStep, WriteStep};

use super::input::Input;
use super::place::{self, Place, refused};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "put",
    alias: None,
    about: "Make a file, - for standard input, an object's data",
    define,
    run,
};

fn define(command: Command) -> Command {
    place::object(command).args([
        options::word("infile", "the data"),
        options::text("offset", "where in the object it begins; what is around it stays"),
    ])
}

/// Piece by piece: the first replaces what there was, unless it goes to an offset.
fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let path = place::required(arguments, "file")?;
    let mut offset: u64 = options::number(arguments, "offset")?.unwrap_or(0);
    let place = Place::open(arguments, session)?;
    let Some(mut input) = Input::open(path) else { return Ok(()) };
    let failed = format!("error putting {}", place.shown(&name));
    let write = |step| {
        place.write(&name, step)?.map_err(|error| refused(&format!("{failed}: {}", error.errno)))
    };
    let mut any = false;
    while let Some(data) = input.next(&failed)? {
        let length = data.len() as u64;
        write(match offset {
            0 => WriteStep::WriteFull { data },
            _ => WriteStep::Write { offset, data },
        })?;
        (any, offset) = (true, offset.saturating_add(length));
    }
    match (any, offset) {
        (true, _) => Ok(()),
        (false, 0) => write(WriteStep::WriteFull { data: Vec::new().into() }),
        // Nothing at an offset: the object reaches there.
        (false, _) => {
            write(WriteStep::Create(CreateMode::IfAbsent))?;
            match place.read(&name, ReadStep::Stat)? {
                Ok(ReadResult::Stat(stat)) if stat.size < offset => {
                    write(WriteStep::Truncate { size: offset })
                }
                _ => Ok(()),
            }
        }
    }
}
