//! `ceph fsid`

use clap::Command;

use super::{format, print_json};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "fsid", alias: None, about: "Show the store's identity", define, run };

fn define(command: Command) -> Command {
    format(command)
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = options::style(arguments)?;
    let fsid = session.status()?.fsid;
    match style.format {
        Format::Plain => console::print(&format!("{fsid}\n")),
        Format::Json | Format::Xml => {
            let value = Value::Object(vec![("fsid", Value::Text(fsid))]);
            print_json(&structured(style, "fsid", &value))
        }
    }
}
