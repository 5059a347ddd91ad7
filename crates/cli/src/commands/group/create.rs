//! `rbd group create`

use marcot_image::operation::group;

use crate::args::{Arguments, spec};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group create",
    alias: None,
    about: "Create a group of images",
    define: super::group,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, super::GROUP)?;
    let at = session.location(&spec.at)?;
    session
        .wait(group::create(session.client()?, &at, &spec.image))
        .map_err(|error| Failure::refused("create error", &error))
}
