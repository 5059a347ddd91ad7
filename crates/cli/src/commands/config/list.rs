//! `rbd config global|pool|image list`

use clap::Command;
use marcot_image::config::{ConfigError, Source, global, overrides};
use marcot_image::{Access, Client};

use super::{Level, Named, Place};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const GLOBAL: CommandDef = CommandDef {
    name: "config global list",
    alias: Some("config global ls"),
    about: "Show the options that the store sets",
    define: |command| define(Level::Global, command),
    run: |arguments, session| run(Level::Global, arguments, session),
};

pub(crate) const POOL: CommandDef = CommandDef {
    name: "config pool list",
    alias: Some("config pool ls"),
    about: "Show the options as they hold for a pool",
    define: |command| define(Level::Pool, command),
    run: |arguments, session| run(Level::Pool, arguments, session),
};

pub(crate) const IMAGE: CommandDef = CommandDef {
    name: "config image list",
    alias: Some("config image ls"),
    about: "Show the options as they hold for an image",
    define: |command| define(Level::Image, command),
    run: |arguments, session| run(Level::Image, arguments, session),
};

/// An option, its value, and who says so.
type Row = (String, String, String);

fn define(level: Level, command: Command) -> Command {
    options::format(level.define(command))
}

fn run(level: Level, arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let named = Named::read(level, arguments)?;
    let style = options::style(arguments)?;
    let place = named.open(session, Access::ReadOnly)?;
    let rows = rows(session, session.client()?, &place)
        .map_err(|error| Failure::refused("error listing config", &error))?;
    let who = if level == Level::Global { "section" } else { "source" };
    match style.format {
        Format::Plain => {
            let title = match level {
                Level::Image if rows.len() == 1 => "There is 1 value:\n".to_owned(),
                Level::Image => format!("There are {} values:\n", rows.len()),
                Level::Global | Level::Pool => String::new(),
            };
            console::print(&(title + &plain(level, &rows)))
        }
        Format::Json | Format::Xml => {
            let option = |(name, value, from): Row| {
                let value = ("value", Value::Text(value));
                Value::Object(vec![("name", Value::Text(name)), value, (who, Value::Text(from))])
            };
            let list = Value::list("option", rows.into_iter().map(option));
            console::print(&structured(style, "config", &list))
        }
    }
}

fn rows(session: &Session, client: &Client, place: &Place) -> Result<Vec<Row>, ConfigError> {
    let effective = match place {
        Place::Global(section) => {
            let entries = session.wait(global::list(&*client.store, section))?;
            let row = |entry: global::Entry| (entry.name, entry.value, entry.section.to_string());
            return Ok(entries.into_iter().map(row).collect());
        }
        Place::Pool(pool) => session.wait(overrides::list_pool(client, *pool))?,
        Place::Image(image) => session.wait(overrides::list_image(image))?,
    };
    let source = |source| match source {
        Source::Config => "config",
        Source::Pool => "pool",
        Source::Image => "image",
    };
    let rows = effective.into_iter();
    Ok(rows.map(|one| (one.name.to_owned(), one.value, source(one.source).to_owned())).collect())
}

fn plain(level: Level, rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let who = if level == Level::Global { "Section" } else { "Source" };
    let column = |name| (name, Align::Left, Align::Left);
    let mut table = Table::new(&[column("Name"), column("Value"), column(who)]);
    for (name, value, from) in rows {
        table.row([name.clone(), value.clone(), from.clone()]);
    }
    table.print()
}
