//! `rbd group list`

use clap::Command;
use marcot_image::pool::group;

use crate::args::{Arguments, options, spec};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group list",
    alias: Some("group ls"),
    about: "List the groups of a pool",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::format(options::place(command).arg(options::pool_spec()))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::pool(arguments)?;
    let style = options::style(arguments)?;
    let at = session.location(&spec)?;
    let names = session
        .wait(group::list(session.client()?, &at))
        .map_err(|error| Failure::refused("list", &error))?;
    let text = match style.format {
        Format::Plain => names.iter().map(|name| format!("{name}\n")).collect(),
        Format::Json | Format::Xml => {
            let list = Value::list("name", names.into_iter().map(Value::Text));
            structured(style, "groups", &list)
        }
    };
    console::print(&text)
}
