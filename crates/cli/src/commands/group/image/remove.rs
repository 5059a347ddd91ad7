//! `rbd group image remove`

use clap::Command;
use marcot_image::ImageKey;
use marcot_image::operation::group;

use crate::args::{Arguments, options, spec};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group image remove",
    alias: Some("group image rm"),
    about: "Take an image out of a group",
    define,
    run,
};

fn define(command: Command) -> Command {
    super::group_and_image(command).arg(options::image_id())
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let group = spec::image(arguments, super::GROUP)?;
    let target = options::target(arguments, super::IMAGE)?;
    super::check_namespace(&group, &target.spec)?;
    let (at, image_at) = (session.location(&group.at)?, session.location(&target.spec.at)?);
    let image = match target.id {
        Some(id) => ImageKey::Id(id),
        None => ImageKey::Name(target.spec.image),
    };
    let client = session.client()?;
    session
        .wait(group::remove_image(client, (&at, &group.image), (&image_at, &image)))
        .map_err(|error| Failure::refused("remove image error", &error))
}
