//! `rbd copy`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::{self, Layout};

use super::CommandDef;
use crate::args::layout;
use crate::args::spec::{self, ImageSpec, SnapRule, Wanted};
use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;
use crate::session::lasting::Work;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "copy", alias: Some("cp"), about: "Copy an image", define, run };

const FAILED: &str = "copy failed";

fn define(command: Command) -> Command {
    options::no_progress(layout::define(options::destination(options::image_or_snapshot(command))))
        .arg(options::sparse_size())
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let Request { source, target, layout } = Request::parse(arguments, session)?;
    session.expect_image(&source, Work::Bytes)?;
    let at = session.location(&source.at)?;
    let to = session.location(&target.at)?;
    let image = session.open_at(&at, &source, Access::ReadOnly)?;
    let meter = session.meter("Image copy", arguments);
    let copied = session.wait(operation::copy(
        &image,
        session.client()?,
        &to,
        &target.image,
        &layout,
        &meter,
    ));
    meter.ended(copied).map_err(|error| Failure::refused(FAILED, &error))
}

struct Request {
    source: ImageSpec,
    target: ImageSpec,
    layout: Layout,
}

impl Request {
    fn parse(arguments: &Arguments, session: &Session) -> Result<Request, UsageError> {
        let source = spec::image(arguments, Wanted::existing(SnapRule::Allowed))?;
        let target = spec::image(arguments, Wanted::destination())?;
        Ok(Request { source, target, layout: layout::parse(arguments, session) })
    }
}
