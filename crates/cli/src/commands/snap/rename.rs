//! `rbd snap rename`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::snapshot;

use crate::args::Arguments;
use crate::args::options::{place, text, word};
use crate::args::spec::{self, ImageSpec, Side, SnapRule, Strictness, Wanted};
use crate::args::usage::UsageError;
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "snap rename", alias: None, about: "Rename a snapshot", define, run };

fn define(command: Command) -> Command {
    place(command).args([
        text("image", "image name"),
        text("snap", "snapshot name"),
        text("dest-pool", "the same pool"),
        text("dest-namespace", "the same namespace"),
        text("dest", "the same image"),
        text("dest-snap", "new name of the snapshot"),
        word("source-snap-spec", "snapshot: [pool/[namespace/]]image@snapshot"),
        word("dest-snap-spec", "new name: [pool/[namespace/]]image@snapshot"),
    ])
}

struct Request {
    image: ImageSpec,
    from: String,
    to: String,
}

impl Request {
    fn parse(arguments: &Arguments) -> Result<Request, UsageError> {
        let from = spec::image(arguments, Wanted::existing(SnapRule::Required))?;
        let wanted = Wanted { side: Side::Destination, ..Wanted::existing(SnapRule::Required) };
        let to = spec::image(arguments, wanted.strictly(Strictness::NewSnapshot))?;
        if from.at.pool != to.at.pool && to.at.pool.is_some() {
            return Err(UsageError::unfitting("source and destination pool must be the same"));
        }
        if from.at.namespace != to.at.namespace && !to.at.namespace.is_empty() {
            return Err(UsageError::unfitting("source and destination namespace must be the same"));
        }
        if from.image != to.image {
            return Err(UsageError::unfitting(
                "source and destination image name must be the same",
            ));
        }
        let name = |spec: &ImageSpec| spec.snap.clone().unwrap_or_default();
        Ok(Request { from: name(&from), to: name(&to), image: from })
    }
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let request = Request::parse(arguments)?;
    let image = session.open_head(&request.image, Access::ReadWrite)?;
    session
        .wait(snapshot::rename(&image, &request.from, &request.to))
        .map_err(|error| Failure::refused("renaming snap failed", &error))?;
    session.close_image(&image)
}
