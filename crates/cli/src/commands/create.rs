//! `rbd create`

use clap::Command;
use marcot_image::operation;

use super::CommandDef;
use crate::args::layout::{self, Layout};
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
    size: u64,
    layout: Layout,
}

impl Request {
    fn parse(arguments: &Arguments, session: &Session) -> Result<Request, UsageError> {
        let wanted = Wanted::existing(SnapRule::Refused).strictly(Strictness::NewImage);
        let image = spec::image(arguments, wanted)?;
        let layout = Layout::parse_with_format(arguments, session)?;
        Ok(Request { image, size: options::required_size(arguments)?, layout })
    }
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let request = Request::parse(arguments, session)?;
    let at = session.location(&request.image.at)?;
    let options = request.layout.create_options(request.size);
    session
        .wait(operation::create(session.client()?, &at, &request.image.image, &options))
        .map_err(|error| Failure::refused(FAILED, &error))?;
    Ok(())
}
