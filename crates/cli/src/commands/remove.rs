//! `rbd remove`

use clap::Command;
use marcot_format::snapshot::SnapshotNamespace;
use marcot_image::operation::{self, RemoveError};
use marcot_image::{Access, Image};

use super::CommandDef;
use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "remove", alias: Some("rm"), about: "Delete an image", define, run };

fn define(command: Command) -> Command {
    options::no_progress(options::image(command))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let at = session.location(&spec.at)?;
    let meter = session.meter("Removing image", arguments);
    let removed = session.wait(operation::remove(session.client()?, &at, &spec.image, &meter));
    meter.ended(removed).map_err(|error| {
        let linked = matches!(error, RemoveError::HasSnapshots { .. })
            && session
                .open_head(&spec, Access::ReadOnly)
                .is_ok_and(|image| has_only_removed(&image));
        failure(&error, linked)
    })
}

/// Whether all of its snapshots were removed before, and stay only for their clones.
fn has_only_removed(image: &Image) -> bool {
    let header = image.header();
    header.snapshots.iter().all(|snap| matches!(snap.namespace, SnapshotNamespace::Trash { .. }))
}

fn failure(error: &RemoveError, linked: bool) -> Failure {
    let line = match error {
        RemoveError::HasSnapshots { .. } if linked => {
            "image has snapshots with linked clones - these must be deleted or flattened before \
             the image can be removed."
        }
        RemoveError::HasSnapshots { .. } => {
            "image has snapshots - these must be deleted with 'rbd snap purge' before the image \
             can be removed."
        }
        RemoveError::InUse { .. } => {
            "error: image still has watchers\nThis means the image is still open or the client \
             using it crashed. Try again after closing/unmapping it or waiting 30s for the \
             crashed client to timeout."
        }
        _ => return Failure::refused("delete error", error),
    };
    Failure::line(line, error.errno()).detail(error.to_string())
}
