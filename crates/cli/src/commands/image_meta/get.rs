//! `rbd image-meta get`

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
    name: "image-meta get",
    alias: None,
    about: "Show a value kept with an image",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::image(command).arg(options::word("key", "name of the value"))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let key = super::word(arguments, "key")?;
    let image = session.open_head(&spec, Access::ReadOnly)?;
    let value = session.wait(image_meta::get(&image, &key)).map_err(|error| {
        console::complain(&format!("failed to get metadata {key} of image : {}", error.errno()));
        Failure::refused("getting metadata failed", &error)
    })?;
    console::print_bytes(&value)?;
    console::print("\n")
}
