//! `rbd group remove`

use marcot_image::operation::group;

use crate::args::{Arguments, spec};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group remove",
    alias: Some("group rm"),
    about: "Delete a group and its snapshots; its images stay",
    define: super::group,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, super::GROUP)?;
    let at = session.location(&spec.at)?;
    session
        .wait(group::remove(session.client()?, &at, &spec.image))
        .map_err(|error| Failure::refused("remove error", &error))
}
