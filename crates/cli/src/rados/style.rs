//! How `rados` is told what to print: `--format json-pretty`, not `--format json --pretty-format`.

use clap::Command;

use crate::args::{Arguments, options};
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Style};

/// `--format`, which every command takes.
pub(super) fn define(command: Command) -> Command {
    command.args([
        options::text("format", "output format: json, json-pretty, xml or xml-pretty").short('f'),
        options::switch("pretty-format", "for rbd: json-pretty is what is meant"),
    ])
}

/// What the user wants; each command has a layout of its own when nothing is said.
pub(super) fn wanted(arguments: &Arguments) -> Result<Style, Failure> {
    /// `-EINVAL`, as the shell sees it.
    const UNKNOWN: u8 = 234;
    let Some(name) = arguments.text("format") else { return Ok(Style::default()) };
    let (name_only, pretty) = match name.strip_suffix("-pretty") {
        Some(before) => (before, true),
        None => (name.as_str(), false),
    };
    let format = match name_only {
        "json" => Format::Json,
        "xml" => Format::Xml,
        _ => {
            console::complain(&format!("unrecognized format: {name}"));
            return Err(Failure::Told(UNKNOWN));
        }
    };
    Ok(Style { format, pretty })
}
