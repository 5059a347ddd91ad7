//! `rbd snap create`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::snapshot::{self, CreateSnapshotOptions};

use crate::args::spec::{self, SnapRule, Strictness, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "snap create",
    alias: Some("snap add"),
    about: "Create a snapshot",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::quiesce(options::no_progress(options::snapshot(command)))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let wanted = Wanted::existing(SnapRule::Required).strictly(Strictness::NewSnapshot);
    let spec = spec::image(arguments, wanted)?;
    let snap = spec.snap.clone().unwrap_or_default();
    let quiesce = options::quiesce_mode(arguments)?;
    let image = session.open_head(&spec, Access::ReadWrite)?;
    let options = CreateSnapshotOptions { quiesce, ..CreateSnapshotOptions::default() };
    let meter = session.meter("Creating snap", arguments);
    let created = session.wait(snapshot::create_with(&image, &snap, &options));
    meter.ended(created).map_err(|error| Failure::refused("failed to create snapshot", &error))?;
    session.close_image(&image)
}
