//! `rbd lock list`

use std::fmt::Write as _;

use clap::Command;
use marcot_format::lock::{LockInfo, LockKind};
use marcot_image::Access;
use marcot_image::operation::lock;

use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "lock list",
    alias: Some("lock ls"),
    about: "Show who has locked an image",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::format(options::image(command))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let style = options::style(arguments)?;
    let image = session.open_head(&spec, Access::ReadOnly)?;
    let info = session
        .wait(lock::list(&image))
        .map_err(|error| Failure::refused("listing locks failed", &error))?;
    let text = match style.format {
        Format::Plain => plain(&info),
        Format::Json | Format::Xml => structured(style, "locks", &value(&info)),
    };
    console::print(&text)
}

fn plain(info: &LockInfo) -> String {
    if info.lockers.is_empty() {
        return String::new();
    }
    let kind = if info.kind == LockKind::Shared { "shared" } else { "exclusive" };
    let mut text = match info.lockers.len() {
        1 => format!("There is 1 {kind} lock on this image.\n"),
        count => format!("There are {count} {kind} locks on this image.\n"),
    };
    if info.kind == LockKind::Shared {
        let _ = writeln!(text, "Lock tag: {}", info.tag);
    }
    let column = |name| (name, Align::Left, Align::Left);
    let mut table = Table::new(&[column("Locker"), column("ID"), column("Address")]);
    for (id, holder) in &info.lockers {
        table.row([id.locker.to_string(), id.cookie.clone(), holder.address.to_string()]);
    }
    text + &table.print()
}

fn value(info: &LockInfo) -> Value {
    let list = info.lockers.iter().map(|(id, holder)| {
        Value::Object(vec![
            ("id", Value::text(id.cookie.as_str())),
            ("locker", Value::text(id.locker.to_string())),
            ("address", Value::text(holder.address.to_string())),
        ])
    });
    Value::list("lock", list)
}
