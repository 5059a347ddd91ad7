//! `rbd group snap list`

use clap::Command;
use marcot_format::group::{GroupSnapshot, GroupSnapshotState};
use marcot_image::operation::group::snapshot;

use crate::args::{Arguments, options, spec};
use crate::commands::{CommandDef, group};
use crate::console;
use crate::exit::Failure;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group snap list",
    alias: Some("group snap ls"),
    about: "List the snapshots of a group",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::format(group::group(command))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, group::GROUP)?;
    let style = options::style(arguments)?;
    let at = session.location(&spec.at)?;
    let snapshots = session
        .wait(snapshot::list(session.client()?, &at, &spec.image))
        .map_err(|error| Failure::refused("list", &error))?;
    let text = match style.format {
        Format::Plain if snapshots.is_empty() => String::new(),
        Format::Plain => {
            let columns =
                [("NAME", Align::Left, Align::Left), ("STATUS", Align::Left, Align::Right)];
            let mut table = Table::new(&columns);
            snapshots.iter().for_each(|one| table.row([one.name.clone(), state(one).to_owned()]));
            table.print()
        }
        Format::Json | Format::Xml => {
            let list = snapshots.iter().map(|one| {
                Value::Object(vec![
                    ("snapshot", Value::text(&one.name)),
                    ("state", Value::text(state(one))),
                ])
            });
            structured(style, "group_snaps", &Value::list("group_snap", list))
        }
    };
    console::print(&text)
}

fn state(snapshot: &GroupSnapshot) -> &'static str {
    match snapshot.state {
        GroupSnapshotState::Incomplete => "incomplete",
        GroupSnapshotState::Complete => "ok",
    }
}
