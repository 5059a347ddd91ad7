//! `rbd trash list`

use clap::{Arg, ArgAction, Command};
use marcot_format::Utime;
use marcot_format::trash::TrashSource;
use marcot_image::pool::trash::{self, Entry};
use marcot_image::{Access, Image, Location, OpenOptions};

use crate::args::{Arguments, options, spec};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::lineage::ParentName;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;
use crate::time;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "trash list",
    alias: Some("trash ls"),
    about: "List the images in the trash",
    define,
    run,
};

fn define(command: Command) -> Command {
    let switch =
        |id, short, help| Arg::new(id).long(id).short(short).action(ArgAction::SetTrue).help(help);
    options::format(options::place(command)).arg(options::pool_spec()).args([
        switch("all", 'a', "those that no user put there too"),
        switch("long", 'l', "who put it there and when, until when it is kept, its parent"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::pool(arguments)?;
    let style = options::style(arguments)?;
    let at = session.location(&spec)?;
    let mut entries = session
        .wait(trash::list(session.client()?, &at))
        .map_err(|error| Failure::refused("trash: failed to list", &error))?;
    let by_users = |source| matches!(source, TrashSource::User | TrashSource::UserParent);
    entries.retain(|entry| arguments.flag("all") || by_users(entry.spec.source));
    let now = session.now()?;
    let long = arguments.flag("long");
    let lines: Vec<Line> = entries
        .into_iter()
        .map(|entry| {
            let parent = if long { parent(session, &at, &entry) } else { None };
            Line { entry, parent, now }
        })
        .collect();
    match (style.format, long) {
        (Format::Plain, false) => {
            let text = lines.iter().map(|line| format!("{} {}\n", line.entry.id, line.name()));
            console::print(&text.collect::<String>())
        }
        (Format::Plain, true) if lines.is_empty() => Ok(()),
        (Format::Plain, true) => console::print(&table(&lines)),
        (Format::Json | Format::Xml, long) => {
            let values = lines.iter().map(|line| if long { line.long() } else { line.short() });
            console::print(&structured(style, "trash", &Value::list("image", values)))
        }
    }
}

/// The parent of an image that can be opened and has one.
fn parent(session: &Session, at: &Location, entry: &Entry) -> Option<ParentName> {
    let client = session.client().ok()?;
    let options = OpenOptions::id(entry.id.as_str(), Access::ReadOnly);
    let image = session.wait(Image::open(client, at, options)).ok()?;
    // What is flattened keeps the link while snapshots need it, but shows nothing of it.
    let parent = image.header().parent.clone().filter(|parent| parent.overlap.is_some())?;
    session.wait(ParentName::find(client, &parent.spec)).ok()
}

struct Line {
    entry: Entry,
    parent: Option<ParentName>,
    now: Utime,
}

impl Line {
    fn name(&self) -> &str {
        &self.entry.spec.name
    }

    fn source(&self) -> &'static str {
        match self.entry.spec.source {
            TrashSource::User => "USER",
            TrashSource::Mirroring => "MIRRORING",
            TrashSource::Migration => "MIGRATION",
            TrashSource::Removing => "REMOVING",
            TrashSource::UserParent => "USER_PARENT",
        }
    }

    fn deleted_at(&self) -> String {
        time::shown(self.entry.spec.deletion_time)
    }

    fn status(&self) -> String {
        let until = self.entry.spec.deferment_end_time;
        let what = if self.now < until { "protected until" } else { "expired at" };
        format!("{what} {}", time::shown(until))
    }

    fn short(&self) -> Value {
        Value::Object(self.names())
    }

    fn names(&self) -> Vec<(&'static str, Value)> {
        vec![("id", Value::text(&self.entry.id)), ("name", Value::text(self.name()))]
    }

    fn long(&self) -> Value {
        let mut fields = self.names();
        fields.extend([
            ("source", Value::text(self.source())),
            ("deleted_at", Value::text(self.deleted_at())),
            ("status", Value::text(self.status())),
        ]);
        if let Some(parent) = &self.parent {
            let parent = vec![
                ("pool", Value::text(&parent.pool)),
                ("pool_namespace", Value::text(&parent.namespace)),
                ("image", Value::text(&parent.image)),
                ("snapshot", Value::text(&parent.snapshot)),
            ];
            fields.push(("parent", Value::Object(parent)));
        }
        Value::Object(fields)
    }
}

fn table(lines: &[Line]) -> String {
    let column = |name| (name, Align::Left, Align::Left);
    let names = ["ID", "NAME", "SOURCE", "DELETED_AT", "STATUS", "PARENT"];
    let mut table = Table::new(&names.map(column));
    for line in lines {
        let parent = line.parent.as_ref().map(ParentName::to_string).unwrap_or_default();
        table.row([
            line.entry.id.clone(),
            line.name().to_owned(),
            line.source().to_owned(),
            line.deleted_at(),
            line.status(),
            parent,
        ]);
    }
    table.print()
}
