//! `rbd image-meta set`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::image_meta;

use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "image-meta set",
    alias: None,
    about: "Keep a value with an image",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::image(command)
        .args([options::word("key", "name of the value"), options::word("value", "the value")])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let key = super::word(arguments, "key")?;
    let value = super::word(arguments, "value")?;
    let image = session.open_head(&spec, Access::ReadWrite)?;
    session.wait(image_meta::set(&image, &key, &value)).map_err(|error| {
        console::complain(&format!("failed to set metadata {key} of image : {}", error.errno()));
        Failure::refused("setting metadata failed", &error)
    })?;
    session.close_image(&image)
}
