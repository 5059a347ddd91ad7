//! `rbd rename`

use clap::Command;
use marcot_image::operation;
use marcot_store::Errno;

use super::CommandDef;
use crate::args::spec::{self, ImageSpec, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "rename",
    alias: Some("mv"),
    about: "Rename an image within its pool",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::place(command)
        .args([
            options::text("image", "image name"),
            options::text("dest-pool", "the same pool"),
            options::text("dest-namespace", "the same namespace"),
            options::text("dest", "new image name"),
        ])
        .args([
            options::word("source-image-spec", "image: [pool/[namespace/]]image"),
            options::word("dest-image-spec", "new name: [pool/[namespace/]]image"),
        ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let Request { from, to } = Request::parse(arguments)?;
    let at = session.location(&from.at)?;
    session
        .wait(operation::rename(session.client()?, &at, &from.image, &to))
        .map_err(|error| Failure::refused("rename error", &error))
}

struct Request {
    from: ImageSpec,
    to: String,
}

impl Request {
    /// Ceph compares what was typed: a pool that is only named on one side counts as another one.
    fn parse(arguments: &Arguments) -> Result<Request, Failure> {
        let from = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
        let to = spec::image(arguments, Wanted::destination())?;
        let typed = |spec: &ImageSpec| spec.at.pool.clone().unwrap_or_default();
        let (source, target) = (typed(&from), typed(&to));
        if !target.is_empty() && source != target {
            return Err(Failure::line(
                format!(
                    "mv/rename across pools not supported\nsource pool: {source} dest pool: \
                     {target}"
                ),
                Errno::INVAL,
            ));
        }
        if !to.at.namespace.is_empty() && from.at.namespace != to.at.namespace {
            return Err(Failure::line(
                format!(
                    "mv/rename across namespaces not supported\nsource namespace: {} dest \
                     namespace: {}",
                    from.at.namespace, to.at.namespace
                ),
                Errno::INVAL,
            ));
        }
        Ok(Request { from, to: to.image })
    }
}
