//! `marcot df`: the store's space in a few lines.

use clap::Command;

use crate::args::{Arguments, options, size};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "df",
    alias: None,
    about: "Show the store's size, use and what is still to be freed",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::format(command)
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = options::style(arguments)?;
    let space = session.status()?.space;
    let store = session.connection()?.spec.to_string();
    match style.format {
        Format::Plain => {
            let mut table = Table::new(&[
                ("STORE", Align::Left, Align::Left),
                ("SIZE", Align::Right, Align::Right),
                ("USED", Align::Right, Align::Right),
                ("PENDING", Align::Right, Align::Right),
                ("AVAIL", Align::Right, Align::Right),
            ]);
            table.row([
                store,
                size::shown(space.total_bytes),
                size::shown(space.used_bytes),
                size::shown(space.pending_bytes),
                size::shown(space.available_bytes),
            ]);
            console::print(&table.print())?;
        }
        Format::Json | Format::Xml => {
            let value = Value::Object(vec![
                ("store", Value::Text(store)),
                ("total_bytes", Value::Number(space.total_bytes)),
                ("used_bytes", Value::Number(space.used_bytes)),
                ("pending_bytes", Value::Number(space.pending_bytes)),
                ("available_bytes", Value::Number(space.available_bytes)),
            ]);
            console::print(&structured(style, "space", &value))?;
        }
    }
    Ok(())
}
