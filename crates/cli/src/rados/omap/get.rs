//! `rados getomapval`

use clap::Command;
use marcot_store::{ReadResult, ReadStep};

use super::super::place::{self, Place, refused};
use super::key::{self, Key};
use super::shown;
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "getomapval",
    alias: None,
    about: "Show a value of an object's omap, or write it to a file",
    define,
    run,
};

fn define(command: Command) -> Command {
    key::define(command).arg(options::word("file", "where to write the value"))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let key = Key::of(arguments)?;
    let place = Place::open(arguments, session)?;
    let at = key.shown(&place, &name);
    let found = match place.read(&name, ReadStep::OmapGet { keys: vec![key.bytes] })? {
        Ok(ReadResult::Omap(page)) => page.entries.into_iter().next(),
        Ok(_) => None,
        Err(error) => {
            return Err(refused(&format!("error getting omap value {at}: {}", error.errno)));
        }
    };
    let Some((_, bytes)) = found else {
        // An answer to `rados`, not a complaint.
        console::print(&format!("No such key: {at}\n"))?;
        return Err(Failure::Told(1));
    };
    let Some(path) = arguments.next_word() else {
        return console::print(&format!("{}\n", shown(&bytes)));
    };
    console::complain(&format!("Writing to {path}"));
    if let Err(error) = std::fs::write(&path, &bytes) {
        // `rados` says so and ends as if nothing were wrong.
        console::complain(&format!("failed to open file: {}", place::errno(&error)));
    }
    Ok(())
}
