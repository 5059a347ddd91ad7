//! `rbd snap rollback`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::snapshot;

use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;
use crate::session::lasting::Work;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "snap rollback",
    alias: Some("snap revert"),
    about: "Make an image what it was at a snapshot",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::no_progress(options::snapshot(command))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Required))?;
    let snap = spec.snap.clone().unwrap_or_default();
    session.expect_image(&spec, Work::Objects)?;
    let image = session.open_head(&spec, Access::ReadWrite)?;
    let meter = session.meter("Rolling back to snapshot", arguments);
    let rolled_back = session.wait(snapshot::rollback(&image, &snap, &meter));
    meter.ended(rolled_back).map_err(|error| Failure::refused("rollback failed", &error))?;
    session.close_image(&image)
}
