//! `rbd image-meta remove`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::image_meta;
use marcot_store::Errno;

use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "image-meta remove",
    alias: Some("image-meta rm"),
    about: "Remove a value kept with an image",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::image(command).arg(options::word("key", "name of the value"))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let key = super::word(arguments, "key")?;
    let image = session.open_head(&spec, Access::ReadWrite)?;
    session.wait(image_meta::remove(&image, &key)).map_err(|error| {
        if error.errno() == Errno::NOENT {
            session.warn(&format!("no existing metadata key {key} of image : {}", error.errno()));
        }
        Failure::refused("removing metadata failed", &error)
    })?;
    session.close_image(&image)
}
