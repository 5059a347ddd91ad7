//! `rbd snap list`

use clap::{Arg, ArgAction, Command};
use marcot_format::snapshot::{ProtectionStatus, SnapshotNamespace};
use marcot_image::operation::snapshot::{self, Scope};
use marcot_image::{Access, Snapshot};

use crate::args::size;
use crate::args::spec::{SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::membership::GroupSnapName;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;
use crate::time;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "snap list",
    alias: Some("snap ls"),
    about: "List the snapshots of an image",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::format(options::image(command)).arg(options::image_id()).arg(
        Arg::new("all")
            .long("all")
            .short('a')
            .action(ArgAction::SetTrue)
            .help("those of the system too"),
    )
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let target = options::target(arguments, Wanted::existing(SnapRule::Refused))?;
    let style = options::style(arguments)?;
    let scope = if arguments.flag("all") { Scope::All } else { Scope::User };
    let image = session.open_target_head(&target, Access::ReadOnly)?;
    let header = image.header();
    let shown = snapshot::list(&header, scope)
        .into_iter()
        .map(|snap| {
            Ok(Shown { snap, group: GroupSnapName::find(session, &image, &snap.namespace)? })
        })
        .collect::<Result<Vec<Shown<'_>>, Failure>>()?;
    match style.format {
        Format::Plain if shown.is_empty() => Ok(()),
        Format::Plain => console::print(&table(&shown, scope)),
        Format::Json | Format::Xml => {
            let list = Value::list("snapshot", shown.iter().map(|one| value(one, scope)));
            console::print(&structured(style, "snapshots", &list))
        }
    }
}

/// A snapshot, and the group's snapshot that it is a part of.
struct Shown<'a> {
    snap: &'a Snapshot,
    group: Option<GroupSnapName>,
}

fn is_protected(snap: &Snapshot) -> bool {
    snap.protection != ProtectionStatus::Unprotected
}

/// When; format 1 does not keep it.
fn taken(snap: &Snapshot) -> String {
    match snap.timestamp.is_zero() {
        true => String::new(),
        false => time::shown(snap.timestamp),
    }
}

fn value(Shown { snap, group }: &Shown<'_>, scope: Scope) -> Value {
    let mut fields = vec![
        ("id", Value::Number(snap.id.0)),
        ("name", Value::text(&snap.name)),
        ("size", Value::Number(snap.size)),
        ("protected", Value::text(if is_protected(snap) { "true" } else { "false" })),
        ("timestamp", Value::text(taken(snap))),
    ];
    if scope == Scope::All {
        let mut namespace = vec![("type", Value::text(kind(snap)))];
        if let SnapshotNamespace::Trash { original_name, .. } = &snap.namespace {
            namespace.push(("original_name", Value::text(original_name)));
        }
        if let Some(GroupSnapName { group, snapshot }) = group {
            namespace.extend([
                ("pool", Value::text(&group.pool)),
                ("group", Value::text(&group.group)),
                ("group snap", Value::text(snapshot)),
            ]);
        }
        fields.push(("namespace", Value::Object(namespace)));
    }
    Value::Object(fields)
}

fn kind(snap: &Snapshot) -> &'static str {
    match &snap.namespace {
        SnapshotNamespace::User => "user",
        SnapshotNamespace::Group { .. } => "group",
        SnapshotNamespace::Trash { .. } => "trash",
        SnapshotNamespace::Mirror(_) => "mirror",
        SnapshotNamespace::Unknown { .. } => "unknown",
    }
}

fn table(snaps: &[Shown<'_>], scope: Scope) -> String {
    let mut columns = vec![
        ("SNAPID", Align::Left, Align::Right),
        ("NAME", Align::Left, Align::Left),
        ("SIZE", Align::Left, Align::Right),
        ("PROTECTED", Align::Left, Align::Left),
        ("TIMESTAMP", Align::Left, Align::Left),
    ];
    if scope == Scope::All {
        columns.push(("NAMESPACE", Align::Left, Align::Left));
    }
    let mut table = Table::new(&columns);
    for Shown { snap, group } in snaps {
        let protected = if is_protected(snap) { "yes" } else { "" };
        let mut cells = vec![
            snap.id.0.to_string(),
            snap.name.clone(),
            size::shown(snap.size),
            protected.to_owned(),
            taken(snap),
        ];
        if scope == Scope::All {
            cells.push(match (&snap.namespace, group) {
                (SnapshotNamespace::Trash { original_name, .. }, _) => {
                    format!("trash ({original_name})")
                }
                (_, Some(GroupSnapName { group, snapshot })) => {
                    format!("group ({}/{}@{snapshot})", group.pool, group.group)
                }
                _ => kind(snap).to_owned(),
            });
        }
        table.row(cells);
    }
    table.print()
}
