//! `rbd group image add`

use marcot_image::operation::group;

use crate::args::{Arguments, spec};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group image add",
    alias: None,
    about: "Make an image a member of a group",
    define: super::group_and_image,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let group = spec::image(arguments, super::GROUP)?;
    let image = spec::image(arguments, super::IMAGE)?;
    super::check_namespace(&group, &image)?;
    let (at, image_at) = (session.location(&group.at)?, session.location(&image.at)?);
    let client = session.client()?;
    session
        .wait(group::add_image(client, (&at, &group.image), (&image_at, &image.image)))
        .map_err(|error| Failure::refused("add image error", &error))
}
