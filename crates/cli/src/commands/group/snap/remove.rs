//! `rbd group snap remove`

use marcot_image::operation::group::snapshot;

use crate::args::{Arguments, spec};
use crate::commands::{CommandDef, group};
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group snap remove",
    alias: Some("group snap rm"),
    about: "Delete a snapshot of a group",
    define: group::snapshot,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, group::SNAPSHOT)?;
    let at = session.location(&spec.at)?;
    let name = spec.snap.unwrap_or_default();
    session
        .wait(snapshot::remove(session.client()?, &at, &spec.image, &name))
        .map_err(|error| Failure::refused("failed to remove group snapshot", &error))
}
