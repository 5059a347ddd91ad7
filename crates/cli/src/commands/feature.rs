//! `rbd feature enable`, `rbd feature disable`

use clap::{Arg, ArgAction, Command};
use marcot_format::features::Features;
use marcot_image::Access;
use marcot_image::operation::feature;

use super::CommandDef;
use crate::args::layout;
use crate::args::spec::{self, ImageSpec, SnapRule, Wanted};
use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const ENABLE: CommandDef = CommandDef {
    name: "feature enable",
    alias: None,
    about: "Switch features of an image on",
    define,
    run: enable,
};

pub(crate) const DISABLE: CommandDef = CommandDef {
    name: "feature disable",
    alias: None,
    about: "Switch features of an image off",
    define,
    run: disable,
};

fn define(command: Command) -> Command {
    options::image(command).arg(
        Arg::new("features")
            .value_name("features")
            .num_args(0..)
            .action(ArgAction::Append)
            .help("exclusive-lock, object-map, fast-diff, journaling, deep-flatten (only off)"),
    )
}

struct Request {
    image: ImageSpec,
    features: Features,
}

impl Request {
    fn parse(arguments: &Arguments) -> Result<Request, UsageError> {
        let image = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
        let names = arguments.remaining_words();
        if names.is_empty() {
            return Err(UsageError::unfitting("at least one feature name must be specified"));
        }
        let mut features = Features::NONE;
        for name in names {
            features = features | layout::features(&name).map_err(|_| UsageError::WordInvalid)?;
        }
        Ok(Request { image, features })
    }
}

const FAILED: &str = "failed to update image features";

fn enable(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let request = Request::parse(arguments)?;
    let image = session.open_head(&request.image, Access::ReadWrite)?;
    session
        .wait(feature::enable(&image, request.features))
        .map_err(|error| Failure::refused(FAILED, &error))?;
    session.close_image(&image)
}

fn disable(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let request = Request::parse(arguments)?;
    let image = session.open_head(&request.image, Access::ReadWrite)?;
    session
        .wait(feature::disable(&image, request.features))
        .map_err(|error| Failure::refused(FAILED, &error))?;
    session.close_image(&image)
}
