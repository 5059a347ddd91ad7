//! `rbd remove`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::{self, RemoveError};

use super::CommandDef;
use crate::args::spec::{self, ImageSpec, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::membership::GroupName;
use crate::session::Session;
use crate::session::lasting::Work;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "remove", alias: Some("rm"), about: "Delete an image", define, run };

fn define(command: Command) -> Command {
    options::no_progress(options::image(command))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    session.expect_room();
    session.expect_image(&spec, Work::Objects)?;
    let at = session.location(&spec.at)?;
    let meter = session.meter("Removing image", arguments);
    let removed = session.wait(operation::remove(session.client()?, &at, &spec.image, &meter));
    meter.ended(removed).map_err(|error| match &error {
        RemoveError::InGroup { .. } => in_group(session, &spec, &error),
        error => failure(session, error),
    })
}

/// What Ceph says last of a member of a group.
pub(super) const LEAVE_THE_GROUP: &str = "Remove the image from the group and try again.";

fn in_group(session: &Session, spec: &ImageSpec, error: &RemoveError) -> Failure {
    let group = || {
        let image = session.open_head(spec, Access::ReadOnly)?;
        GroupName::of_image(session, &image)
    };
    match group() {
        Ok(Some(group)) => {
            let line = format!("error: image belongs to a group {group}\n{LEAVE_THE_GROUP}");
            Failure::line(line, error.errno())
        }
        _ => failure(session, error),
    }
}

fn failure(session: &Session, error: &RemoveError) -> Failure {
    match explained(session, error) {
        Some(line) => Failure::line(line, error.errno()).detail(error.to_string()),
        None => Failure::refused("delete error", error),
    }
}

/// Ceph's sentence for what can be helped.
pub(super) fn explained(session: &Session, error: &RemoveError) -> Option<String> {
    Some(match error {
        RemoveError::HasClones { .. } => {
            "image has snapshots with linked clones - these must be deleted or flattened before \
             the image can be removed."
                .to_owned()
        }
        RemoveError::HasSnapshots { .. } => format!(
            "image has snapshots - these must be deleted with '{} snap purge' before the image \
             can be removed.",
            session.personality().name()
        ),
        RemoveError::InUse { .. } => {
            "error: image still has watchers\nThis means the image is still open or the client \
             using it crashed. Try again after closing/unmapping it or waiting 30s for the \
             crashed client to timeout."
                .to_owned()
        }
        _ => return None,
    })
}
