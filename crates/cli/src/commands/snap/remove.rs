//! `rbd snap remove`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::snapshot;
use marcot_store::{Errno, SnapId};

use crate::args::options::Target;
use crate::args::spec::{SnapRule, Wanted};
use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::{Failure, Refusal};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "snap remove",
    alias: Some("snap rm"),
    about: "Delete a snapshot",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::no_progress(options::snapshot(command)).args([
        options::image_id(),
        options::snap_id(),
        options::switch("force", "flatten its clones and lift its protection first"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    session.expect_room();
    let target = options::target(arguments, Wanted::existing(SnapRule::Allowed))?;
    if let Some(id) = options::snap_number(arguments, &target.spec)? {
        return remove_by_id(arguments, session, &target, id);
    }
    let Some(snap) = target.spec.snap.clone() else {
        return Err(UsageError::unfitting("snapshot name was not specified").into());
    };
    let image = session.open_target_head(&target, Access::ReadWrite)?;
    let meter = session.meter("Removing snap", arguments);
    if arguments.flag("force") {
        let removed = session.wait(snapshot::force_remove(&image, &snap, &meter));
        meter.ended(removed).map_err(|error| failure(&format!("'{snap}'"), &error))?;
    } else {
        let removed = session.wait(snapshot::remove(&image, &snap));
        meter.ended(removed).map_err(|error| failure(&format!("'{snap}'"), &error))?;
    }
    session.close_image(&image)
}

/// A snapshot of any kind.
fn remove_by_id(
    arguments: &Arguments,
    session: &Session,
    target: &Target,
    id: SnapId,
) -> Result<(), Failure> {
    if arguments.flag("force") || arguments.flag("no-progress") {
        let text = "force and no-progress options not permitted when removing by id.";
        return Err(UsageError::unfitting(text).into());
    }
    let image = session.open_target_head(target, Access::ReadWrite)?;
    session
        .wait(snapshot::remove_by_id(&image, id))
        .map_err(|error| failure(&format!("id {}", id.0), &error))?;
    session.close_image(&image)
}

/// Ceph takes whatever is busy for a protection.
fn failure(snap: &str, error: &dyn Refusal) -> Failure {
    if error.errno() == Errno::BUSY {
        let line = format!("snapshot {snap} is protected from removal.");
        return Failure::line(line, Errno::BUSY).detail(error.to_string());
    }
    Failure::refused("failed to remove snapshot", error)
}
