//! `rbd group snap rollback`

use clap::Command;
use marcot_image::operation::group::snapshot;

use crate::args::{Arguments, options, spec};
use crate::commands::{CommandDef, group};
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group snap rollback",
    alias: None,
    about: "Make all images what they were at a snapshot of their group",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::no_progress(group::snapshot(command))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, group::SNAPSHOT)?;
    let at = session.location(&spec.at)?;
    let name = spec.snap.unwrap_or_default();
    let client = session.client()?;
    let meter = session.meter("Rolling back to group snapshot", arguments);
    let rolled_back = session.wait(snapshot::rollback(client, &at, &spec.image, &name, &meter));
    meter
        .ended(rolled_back)
        .map_err(|error| Failure::refused("rollback group to snapshot failed", &error))
}
