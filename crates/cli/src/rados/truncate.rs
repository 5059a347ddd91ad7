//! `rados truncate`

use clap::Command;
use marcot_store::WriteStep;

use super::place::{self, Place, refused};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "truncate",
    alias: None,
    about: "Cut or grow an object to a size in bytes",
    define,
    run,
};

fn define(command: Command) -> Command {
    let length = options::word("length", "the size, in bytes").allow_negative_numbers(true);
    place::object(command).arg(length)
}

/// An object that does not exist stays so.
fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let length = place::required(arguments, "length")?;
    let place = Place::open(arguments, session)?;
    let size = size(&length)?;
    place.write(&name, WriteStep::Truncate { size })?.map_err(|error| {
        console::complain(&format!("error truncating oid {name} to {size}: {}", error.errno));
        refused(&format!("error {}: {}", error.errno.raw(), error.errno))
    })
}

/// What is too large for a number is as large as can be.
fn size(text: &str) -> Result<u64, Failure> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(refused(&format!("Invalid value for size: '{text}'")));
    }
    match sign {
        "-" => Err(refused("error, cannot truncate to negative value")),
        _ => Ok(digits.parse::<u64>().unwrap_or(u64::MAX).min(i64::MAX.cast_unsigned())),
    }
}
