//! `rbd sparsify`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation;
use marcot_image::operation::sparsify::MIN_SPARSE_SIZE;

use super::CommandDef;
use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;
use crate::session::lasting::Work;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "sparsify",
    alias: None,
    about: "Give back the space of zeros that were written",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::no_progress(options::image(command)).arg(options::sparse_size())
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let sparse_size = arguments.value("sparse-size").unwrap_or(MIN_SPARSE_SIZE);
    session.expect_image(&spec, Work::Bytes)?;
    let image = session.open_head(&spec, Access::ReadWrite)?;
    let meter = session.meter("Image sparsify", arguments);
    let sparsified = session.wait(operation::sparsify(&image, sparse_size, &meter));
    meter.ended(sparsified).map_err(|error| Failure::refused("sparsify error", &error))?;
    session.close_image(&image)
}
