//! `rbd resize`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::{self, ResizeOptions};
use marcot_store::Errno;

use super::CommandDef;
use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;
use crate::session::lasting::Work;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "resize",
    alias: None,
    about: "Make an image larger or smaller",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::no_progress(options::image(command))
        .arg(options::size())
        .arg(options::switch("allow-shrink", "let it become smaller"))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let size = options::required_size(arguments)?;
    if arguments.flag("allow-shrink") {
        session.expect_image(&spec, Work::Objects)?;
    }
    let image = session.open_head(&spec, Access::ReadWrite)?;
    let before = image.header().size;
    if size < before && !arguments.flag("allow-shrink") {
        let line = "shrinking an image is only allowed with the --allow-shrink flag";
        return Err(Failure::line(line, Errno::INVAL));
    }
    if size == before {
        return Err(Failure::line("new size is equal to original size ", Errno::INVAL));
    }
    let options = ResizeOptions { allow_shrink: size < before };
    let meter = session.meter("Resizing image", arguments);
    let resized = session.wait(operation::resize(&image, size, &options, &meter));
    meter.ended(resized).map_err(|error| Failure::refused("resize error", &error))?;
    session.close_image(&image)
}
