//! `rbd snap protect`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::snapshot::{self, ProtectError};
use marcot_store::Errno;

use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "snap protect",
    alias: None,
    about: "Keep a snapshot from being removed, so that it can be cloned",
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
    session.wait(snapshot::protect(&image, &snap)).map_err(|error| failure(&error))?;
    session.close_image(&image)
}

fn failure(error: &ProtectError) -> Failure {
    match error {
        ProtectError::AlreadyProtected { .. } => {
            Failure::line("snap is already protected", Errno::BUSY)
        }
        _ => Failure::refused("protecting snap failed", error),
    }
}
