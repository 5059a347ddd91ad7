//! `rados lock list`

use marcot_format::call::lock::ListLocks;

use super::super::place::{self, Place};
use super::{failed, question, style};
use crate::args::Arguments;
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "lock list",
    alias: None,
    about: "List the locks of an object",
    define: place::object,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = style(arguments)?;
    let name = place::required(arguments, "object")?;
    let place = Place::open(arguments, session)?;
    let names = question((&place, session), &name, &ListLocks {})?
        .map_err(|error| failed("rados_list_locks()", &error))?;
    let lock = |name: &String| Value::Object(vec![("name", Value::text(name))]);
    let locks = Value::list("lock", names.0.iter().map(lock));
    let value = Value::Object(vec![("objname", Value::text(&name)), ("locks", locks)]);
    console::print(&structured(style, "object", &value))
}
