//! `rbd namespace list`

use clap::Command;
use marcot_image::pool::namespace;

use crate::args::{Arguments, options, spec};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "namespace list",
    alias: Some("namespace ls"),
    about: "List the namespaces of a pool",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::format(command.args([options::pool(), options::word("pool-name", "pool name")]))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::pool(arguments)?;
    let style = options::style(arguments)?;
    let pool = session.pool_id(&spec)?;
    let names = session
        .wait(namespace::list(session.client()?, pool))
        .map_err(|error| Failure::refused("failed to list namespaces", &error))?;
    match style.format {
        Format::Plain if names.is_empty() => Ok(()),
        Format::Plain => {
            let mut table = Table::new(&[("NAME", Align::Left, Align::Left)]);
            names.into_iter().for_each(|name| table.row([name]));
            console::print(&table.print())
        }
        Format::Json | Format::Xml => {
            let named = |name| Value::Object(vec![("name", Value::Text(name))]);
            let list = Value::list("namespace", names.into_iter().map(named));
            console::print(&structured(style, "namespaces", &list))
        }
    }
}
