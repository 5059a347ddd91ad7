//! `rados get`

use std::fs::File;
use std::io::Write;

use clap::Command;
use marcot_store::{Errno, ReadResult, ReadStep};

use super::place::{self, Place, refused};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "get",
    alias: None,
    about: "Write an object's data to a file, - for standard output",
    define,
    run,
};

fn define(command: Command) -> Command {
    place::object(command).arg(options::word("outfile", "where to write the data"))
}

/// The file is there afterwards even when the object is not.
fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let path = place::required(arguments, "file")?;
    let place = Place::open(arguments, session)?;
    let failed = |errno: Errno| refused(&format!("error getting {}: {errno}", place.shown(&name)));
    let mut file = match &*path {
        "-" => None,
        path => Some(File::create(path).map_err(|error| {
            let errno = place::errno(&error);
            console::complain(&format!("failed to open file: {errno}"));
            failed(errno)
        })?),
    };
    let mut offset = 0;
    loop {
        let step = ReadStep::Read { offset, length: place::PIECE as u64 };
        let data = match place.read(&name, step)? {
            Ok(ReadResult::Data(data)) => data,
            Ok(_) => return Ok(()),
            Err(error) => return Err(failed(error.errno)),
        };
        match &mut file {
            Some(file) => file.write_all(&data).map_err(Failure::Output)?,
            None => console::print_bytes(&data)?,
        }
        if data.len() < place::PIECE {
            return Ok(());
        }
        offset += data.len() as u64;
    }
}
