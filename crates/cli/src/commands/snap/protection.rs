//! `rbd snap protect`, `rbd snap unprotect`

use std::sync::Arc;

use clap::Command;
use marcot_image::operation::snapshot::{self, ProtectError, UnprotectError};
use marcot_image::{Access, Image};
use marcot_store::Errno;

use crate::args::spec::{SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const PROTECT: CommandDef = CommandDef {
    name: "snap protect",
    alias: None,
    about: "Keep a snapshot from being removed, so that it can be cloned",
    define: options::snapshot,
    run: |arguments, session| run(arguments, session, protect),
};

pub(crate) const UNPROTECT: CommandDef = CommandDef {
    name: "snap unprotect",
    alias: None,
    about: "Allow a snapshot to be removed",
    define: define_unprotect,
    run: |arguments, session| run(arguments, session, unprotect),
};

fn define_unprotect(command: Command) -> Command {
    options::snapshot(command).arg(options::image_id())
}

type Change = fn(&Session, &Image, &str) -> Result<(), Failure>;

fn run(arguments: &Arguments, session: &Session, change: Change) -> Result<(), Failure> {
    let target = options::target(arguments, Wanted::existing(SnapRule::Required))?;
    let image: Arc<Image> = session.open_target_head(&target, Access::ReadWrite)?;
    change(session, &image, target.spec.snap.as_deref().unwrap_or_default())?;
    session.close_image(&image)
}

fn protect(session: &Session, image: &Image, snap: &str) -> Result<(), Failure> {
    session.wait(snapshot::protect(image, snap)).map_err(|error| match error {
        ProtectError::AlreadyProtected { .. } => {
            Failure::line("snap is already protected", Errno::BUSY)
        }
        _ => Failure::refused("protecting snap failed", &error),
    })
}

fn unprotect(session: &Session, image: &Image, snap: &str) -> Result<(), Failure> {
    session.wait(snapshot::unprotect(image, snap)).map_err(|error| match error {
        UnprotectError::NotProtected { .. } => {
            Failure::line("snap is already unprotected", Errno::INVAL)
        }
        _ => Failure::refused("unprotecting snap failed", &error),
    })
}
