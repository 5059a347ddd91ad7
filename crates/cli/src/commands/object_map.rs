//! `rbd object-map check`, `rbd object-map rebuild`

use std::sync::Arc;

use clap::Command;
use marcot_image::operation::object_map;
use marcot_image::{Access, Image};
use marcot_store::{Errno, SnapId};

use super::CommandDef;
use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::exit::Failure;
use crate::session::Session;
use crate::session::lasting::Work;

pub(crate) const CHECK: CommandDef = CommandDef {
    name: "object-map check",
    alias: None,
    about: "Compare the object map with the objects",
    define,
    run: check,
};

pub(crate) const REBUILD: CommandDef = CommandDef {
    name: "object-map rebuild",
    alias: None,
    about: "Make the object map anew",
    define,
    run: rebuild,
};

fn define(command: Command) -> Command {
    options::no_progress(options::image_or_snapshot(command))
}

fn check(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let (image, snap) = open(arguments, session)?;
    let meter = session.meter("Object Map Check", arguments);
    let checked = session.wait(object_map::check(&image, snap, &meter));
    meter.ended(checked).map_err(|error| Failure::refused("checking object map failed", &error))?;
    session.close_image(&image)
}

fn rebuild(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let (image, snap) = open(arguments, session)?;
    let meter = session.meter("Object Map Rebuild", arguments);
    let rebuilt = session.wait(object_map::rebuild(&image, snap, &meter));
    meter
        .ended(rebuilt)
        .map_err(|error| Failure::refused("rebuilding object map failed", &error))?;
    session.close_image(&image)
}

/// The image, for writing, and which of its maps is meant.
fn open(arguments: &Arguments, session: &Session) -> Result<(Arc<Image>, SnapId), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Allowed))?;
    session.expect_image(&spec, Work::Objects)?;
    let image = session.open_head(&spec, Access::ReadWrite)?;
    let snap = match &spec.snap {
        None => SnapId::HEAD,
        Some(name) => {
            let header = image.header();
            let found = header.snapshot_by_name(name);
            found.ok_or(Failure::Snapshot { errno: Errno::NOENT })?.id
        }
    };
    Ok((image, snap))
}
