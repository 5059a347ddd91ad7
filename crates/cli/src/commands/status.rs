//! `rbd status`

use std::fmt::Write as _;

use clap::Command;
use marcot_image::Access;
use marcot_store::watch::Watcher;

use super::CommandDef;
use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "status", alias: None, about: "Show who has an image open", define, run };

fn define(command: Command) -> Command {
    options::format(options::image(command))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let style = options::style(arguments)?;
    let image = session.open_head(&spec, Access::ReadOnly)?;
    let watchers = session
        .wait(session.client()?.store.list_watchers(&image.header().object()))
        .map_err(|error| Failure::verb("show status failed", error.errno))?;
    let text = match style.format {
        Format::Plain => plain(&watchers),
        Format::Json | Format::Xml => structured(style, "status", &value(&watchers)),
    };
    console::print(&text)
}

fn plain(watchers: &[Watcher]) -> String {
    if watchers.is_empty() {
        return "Watchers: none\n".to_owned();
    }
    let mut text = "Watchers:\n".to_owned();
    for watcher in watchers {
        let Watcher { client, address, handle, .. } = watcher;
        let _ = writeln!(text, "\twatcher={address} {client} cookie={}", handle.0);
    }
    text
}

fn value(watchers: &[Watcher]) -> Value {
    let list = watchers.iter().map(|watcher| {
        Value::Object(vec![
            ("address", Value::text(watcher.address.to_string())),
            ("client", Value::Number(watcher.client.0)),
            ("cookie", Value::Number(watcher.handle.0)),
        ])
    });
    Value::Object(vec![("watchers", Value::list("watcher", list))])
}
