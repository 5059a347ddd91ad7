//! `rbd group snap rename`

use clap::Command;
use marcot_image::operation::group::snapshot;

use crate::args::usage::UsageError;
use crate::args::{Arguments, options, spec};
use crate::commands::{CommandDef, group};
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group snap rename",
    alias: None,
    about: "Rename a snapshot of a group",
    define,
    run,
};

fn define(command: Command) -> Command {
    group::snapshot(command)
        .arg(options::text("dest-snap", "new snapshot name"))
        .arg(options::word("dest-snap", "new snapshot name").id("dest-snap-word"))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, group::SNAPSHOT)?;
    let to = new_name(arguments)?;
    let at = session.location(&spec.at)?;
    let from = spec.snap.unwrap_or_default();
    session
        .wait(snapshot::rename(session.client()?, &at, &spec.image, &from, &to))
        .map_err(|error| Failure::refused("failed to rename group snapshot", &error))
}

fn new_name(arguments: &Arguments) -> Result<String, UsageError> {
    let name = arguments.text("dest-snap").filter(|name| !name.is_empty());
    let name = name.or_else(|| arguments.next_word().filter(|word| !word.is_empty()));
    match name {
        None => Err(UsageError::unfitting("destination snapshot name was not specified")),
        Some(name) if name.contains(['/', '@']) => {
            Err(UsageError::unfitting(format!("invalid snap name '{name}'")))
        }
        Some(name) => Ok(name),
    }
}
