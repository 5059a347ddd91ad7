//! `rbd clone`

use clap::Command;
use marcot_image::operation::{self, CloneError, CloneOptions, CloneSource, CloneTarget};
use marcot_image::{ImageKey, SnapKey};
use marcot_store::Errno;

use super::CommandDef;
use crate::args::layout;
use crate::args::spec::{self, ImageSpec, SnapRule, Wanted};
use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "clone",
    alias: None,
    about: "Make a writable image out of a snapshot, sharing its data",
    define,
    run,
};

const FAILED: &str = "clone error";

fn define(command: Command) -> Command {
    layout::define(options::destination(options::snapshot(command)))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let Request { source, target, options } = Request::parse(arguments, session)?;
    let parent = session.location(&source.at)?;
    let child = session.location(&target.at)?;
    let from = CloneSource {
        location: parent,
        image: ImageKey::Name(source.image.clone()),
        snap: SnapKey::Name(source.snap.clone().unwrap_or_default()),
    };
    let to = CloneTarget { location: child, name: target.image.clone() };
    session
        .wait(operation::clone(session.client()?, &from, &to, &options))
        .map_err(|error| failure(&error))?;
    Ok(())
}

struct Request {
    source: ImageSpec,
    target: ImageSpec,
    options: CloneOptions,
}

impl Request {
    fn parse(arguments: &Arguments, session: &Session) -> Result<Request, UsageError> {
        let source = spec::image(arguments, Wanted::existing(SnapRule::Required))?;
        let target = spec::image(arguments, Wanted::destination())?;
        // The configuration says of which format.
        let options = CloneOptions { format: None, layout: layout::parse(arguments, session) };
        Ok(Request { source, target, options })
    }
}

fn failure(error: &CloneError) -> Failure {
    match error {
        CloneError::CrossNamespace => {
            Failure::line("clone v2 required for cross-namespace clones.", Errno::XDEV)
                .detail(error.to_string())
        }
        _ => Failure::refused(FAILED, error),
    }
}
