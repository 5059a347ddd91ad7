//! `rbd flatten`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation;

use super::CommandDef;
use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;
use crate::session::lasting::Work;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "flatten",
    alias: None,
    about: "Give a clone all of its data, so that it needs no parent",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::no_progress(options::image(command))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    session.expect_image(&spec, Work::Objects)?;
    let image = session.open_head(&spec, Access::ReadWrite)?;
    let meter = session.meter("Image flatten", arguments);
    let flattened = session.wait(operation::flatten(&image, &meter));
    meter.ended(flattened).map_err(|error| Failure::refused("flatten error", &error))?;
    session.close_image(&image)
}
