//! `rbd snap purge`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::snapshot;

use crate::args::spec::{SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::progress::{Ending, Meter};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "snap purge",
    alias: None,
    about: "Delete all snapshots that are not protected",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::no_progress(options::image(command)).arg(options::image_id())
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    session.expect_room();
    let target = options::target(arguments, Wanted::existing(SnapRule::Refused))?;
    let image = session.open_target_head(&target, Access::ReadWrite)?;
    let meter = session.meter("Removing all snapshots", arguments);
    let outcome = session.wait(snapshot::purge(&image, &meter)).map_err(|error| {
        meter.end(Ending::Failed);
        Failure::refused("removing snaps failed", &error)
    })?;
    if outcome.total > 0 {
        end(&meter, &outcome.protected, session)?;
    }
    session.close_image(&image)
}

/// Ceph says on standard output which snapshots stay, and calls that success.
fn end(meter: &Meter, protected: &[String], session: &Session) -> Result<(), Failure> {
    if protected.is_empty() {
        meter.end(Ending::Done);
        return Ok(());
    }
    meter.end(Ending::Failed);
    let names: Vec<String> = protected.iter().map(|name| format!("'{name}'")).collect();
    let verb = if names.len() > 1 { "are" } else { "is" };
    let line = format!(
        "error removing snapshot(s) {}, which {verb} protected - these must be unprotected with \
         `{} snap unprotect`.\n",
        names.join(", "),
        session.personality().name()
    );
    console::print(&session.named(&line))
}
