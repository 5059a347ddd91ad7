//! `rados listsnaps`

use marcot_store::{CloneInfo, SnapSet};

use super::place::{self, Place, refused};
use super::style;
use crate::args::Arguments;
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "listsnaps",
    alias: None,
    about: "List the clones of an object that snapshots keep",
    define: place::object,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = style::wanted(arguments)?;
    let name = place::required(arguments, "object")?;
    let place = Place::open(arguments, session)?;
    let store = &session.client()?.store;
    let set = session.wait(store.list_snaps(&place.id(&name))).map_err(|error| {
        refused(&format!("error listing snap shots {}: {}", place.shown(&name), error.errno))
    })?;
    console::print(&match style.format {
        Format::Plain => plain(&name, &set),
        Format::Json | Format::Xml => structured(style, "object", &value(&name, &set)),
    })
}

fn plain(name: &str, set: &SnapSet) -> String {
    let joined = |items: Vec<String>| items.join(",");
    let clone = |clone: &CloneInfo| {
        let snaps = joined(clone.snaps.iter().map(|snap| snap.0.to_string()).collect());
        let range = |(offset, length): &(u64, u64)| format!("{offset}~{length}");
        let overlap = joined(clone.overlap.iter().map(range).collect());
        format!("{}\t{snaps}\t{}\t[{overlap}]\n", clone.id.0, clone.size)
    };
    let clones: String = set.clones.iter().map(clone).collect();
    let head = set.head_size.map_or_else(String::new, |size| format!("head\t-\t{size}\n"));
    format!("{name}:\ncloneid\tsnaps\tsize\toverlap\n{clones}{head}")
}

fn value(name: &str, set: &SnapSet) -> Value {
    let snap = |snap: u64| Value::Object(vec![("id", Value::Number(snap))]);
    let range = |(offset, length): &(u64, u64)| {
        Value::Object(vec![("start", Value::Number(*offset)), ("length", Value::Number(*length))])
    };
    let clone = |clone: &CloneInfo| {
        Value::Object(vec![
            ("id", Value::Number(clone.id.0)),
            ("snapshots", Value::list("snapshot", clone.snaps.iter().map(|id| snap(id.0)))),
            ("size", Value::Number(clone.size)),
            ("overlaps", Value::list("section", clone.overlap.iter().map(range))),
        ])
    };
    let head = |size: u64| {
        Value::Object(vec![
            ("id", Value::text("head")),
            ("snapshots", Value::list("snapshot", [])),
            ("size", Value::Number(size)),
        ])
    };
    let all = set.clones.iter().map(clone).chain(set.head_size.map(head));
    Value::Object(vec![("name", Value::text(name)), ("clones", Value::list("clone", all))])
}
