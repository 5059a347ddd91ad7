//! `rbd group snap create`

use clap::Command;
use marcot_image::operation::group::snapshot;

use crate::args::{Arguments, options, spec};
use crate::commands::{CommandDef, group};
use crate::exit::{self, Failure};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group snap create",
    alias: None,
    about: "Snapshot all images of a group at one moment",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::quiesce(group::snapshot(command))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, group::SNAPSHOT)?;
    let quiesce = options::quiesce_mode(arguments)?;
    let at = session.location(&spec.at)?;
    let name = spec.snap.unwrap_or_default();
    let client = session.client()?;
    // Ceph ends with the errno and says nothing.
    session
        .wait(snapshot::create(client, &at, &spec.image, &name, quiesce))
        .map_err(|error| exit::told(&error))
}
