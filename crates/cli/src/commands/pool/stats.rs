//! `rbd pool stats`

use clap::Command;
use marcot_image::pool::stats::{self, PoolStats, Tally};

use crate::args::{Arguments, options, size, spec};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "pool stats",
    alias: None,
    about: "Show how much the images of a pool promise to hold",
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
    let stats = session
        .wait(stats::stats(session.client()?, &at))
        .map_err(|error| Failure::refused("pool stats failed", &error))?;
    let text = match style.format {
        Format::Plain => plain(&stats),
        Format::Json | Format::Xml => structured(style, "stats", &value(&stats)),
    };
    console::print(&text)
}

fn plain(PoolStats { images, trash }: &PoolStats) -> String {
    let line = |what: &str, shown: &dyn Fn(&Tally) -> String| {
        let in_trash = match trash.images {
            0 => String::new(),
            _ => format!(" ({} in trash)", shown(trash)),
        };
        format!("{what}: {}{in_trash}\n", shown(images))
    };
    [
        line("Total Images", &|tally| tally.images.to_string()),
        line("Total Snapshots", &|tally| tally.snapshots.to_string()),
        line("Provisioned Size", &|tally| size::shown(tally.provisioned_bytes)),
    ]
    .concat()
}

fn value(PoolStats { images, trash }: &PoolStats) -> Value {
    let tally = |tally: &Tally| {
        Value::Object(vec![
            ("count", Value::Number(tally.images)),
            ("provisioned_bytes", Value::Number(tally.provisioned_bytes)),
            ("snap_count", Value::Number(tally.snapshots)),
        ])
    };
    Value::Object(vec![("images", tally(images)), ("trash", tally(trash))])
}
