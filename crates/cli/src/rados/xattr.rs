//! `rados listxattr|getxattr`

use clap::Command;
use marcot_store::{ReadResult, ReadStep};

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
