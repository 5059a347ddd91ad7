//! `rados listxattr|getxattr|setxattr|rmxattr`

use clap::Command;
use marcot_store::{ReadResult, ReadStep, WriteStep};

use super::input;
use super::place::{self, Place, refused};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const LIST: CommandDef = CommandDef {
    name: "listxattr",
    alias: None,
    about: "List an object's attributes",
    define: place::object,
    run: list,
};

pub(crate) const GET: CommandDef = CommandDef {
    name: "getxattr",
    alias: None,
    about: "Show the value of an attribute",
    define: define_attribute,
    run: get,
};

pub(crate) const SET: CommandDef = CommandDef {
    name: "setxattr",
    alias: None,
    about: "Set an attribute; without a value: to what standard input holds",
    define: define_value,
    run: set,
};

pub(crate) const REMOVE: CommandDef = CommandDef {
    name: "rmxattr",
    alias: None,
    about: "Remove an attribute",
    define: define_attribute,
    run: remove,
};

fn define_value(command: Command) -> Command {
    define_attribute(command).arg(options::word("val", "the value"))
}

fn define_attribute(command: Command) -> Command {
    place::object(command).arg(options::word("attr", "name of the attribute"))
}

fn list(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let place = Place::open(arguments, session)?;
    match place.read(&name, ReadStep::GetXattrs)? {
        Ok(ReadResult::Xattrs(found)) => {
            console::print(&found.iter().map(|(name, _)| format!("{name}\n")).collect::<String>())
        }
        Ok(_) => Ok(()),
        Err(error) => {
            let shown = place.shown(&name);
            Err(refused(&format!("error getting xattr set {shown}: {}", error.errno)))
        }
    }
}

fn get(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let attribute = place::required(arguments, "attribute")?;
    let place = Place::open(arguments, session)?;
    match place.read(&name, ReadStep::GetXattr { name: attribute.clone() })? {
        Ok(ReadResult::Data(value)) => console::print_bytes(&value),
        Ok(_) => Ok(()),
        Err(error) => {
            let shown = place.shown(&name);
            Err(refused(&format!("error getting xattr {shown}/{attribute}: {}", error.errno)))
        }
    }
}

fn set(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let attribute = place::required(arguments, "attribute")?;
    let value = match arguments.next_word() {
        Some(value) => value.into(),
        None => input::standard_input()?,
    };
    let place = Place::open(arguments, session)?;
    place.write(&name, WriteStep::SetXattr { name: attribute.clone(), value })?.map_err(|error| {
        let shown = place.shown(&name);
        refused(&format!("error setting xattr {shown}/{attribute}: {}", error.errno))
    })
}

/// An attribute that is not there is none to complain about.
fn remove(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let attribute = place::required(arguments, "attribute")?;
    let place = Place::open(arguments, session)?;
    place.write(&name, WriteStep::RemoveXattr { name: attribute.clone() })?.map_err(|error| {
        let shown = place.shown(&name);
        refused(&format!("error removing xattr {shown}/{attribute}: {}", error.errno))
    })
}
