//! `rbd create`

use clap::Command;
use marcot_image::operation::{self, CreateOptions};

use super::CommandDef;
use crate::args::layout;
use crate::args::spec::{self, ImageSpec, SnapRule, Strictness, Wanted};
use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "create", alias: None, about: "Create an empty image", define, run };

const FAILED: &str = "create error";

fn define(command: Command) -> Command {
    let command = layout::image_format(options::image(command)).arg(options::size());
    layout::define(options::no_progress(command))
}

struct Request {
    image: ImageSpec,
    options: CreateOptions,
}

impl Request {
    fn parse(arguments: &Arguments, session: &Session) -> Result<Request, UsageError> {
        let wanted = Wanted::existing(SnapRule::Refused).strictly(Strictness::NewImage);
        let image = spec::image(arguments, wanted)?;
        let mut options = layout::parse_new(arguments, session)?;
        options.size = options::required_size(arguments)?;
        Ok(Request { image, options })
    }
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let request = Request::parse(arguments, session)?;
    let at = session.location(&request.image.at)?;
    let name = &request.image.image;
    session
        .wait(operation::create(session.client()?, &at, name, &request.options))
        .map_err(|error| Failure::refused(FAILED, &error))?;
    Ok(())
}
