//! `rbd snap unprotect`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::snapshot::{self, UnprotectError};
use marcot_store::Errno;

use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "snap unprotect",
    alias: None,
    about: "Allow a snapshot to be removed",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::snapshot(command)
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Required))?;
    let snap = spec.snap.clone().unwrap_or_default();
    let image = session.open_head(&spec, Access::ReadWrite)?;
    session.wait(snapshot::unprotect(&image, &snap)).map_err(|error| failure(&error))?;
    session.close_image(&image)
}

fn failure(error: &UnprotectError) -> Failure {
    match error {
        UnprotectError::NotProtected { .. } => {
            Failure::line("snap is already unprotected", Errno::INVAL)
        }
        _ => Failure::refused("unprotecting snap failed", error),
    }
}
