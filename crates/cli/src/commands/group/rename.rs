//! `rbd group rename`

use clap::Command;
use marcot_image::operation::group;
use marcot_store::Errno;

use crate::args::spec::{self, ImageSpec, Side, SnapRule};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "group rename",
    alias: None,
    about: "Rename a group within its pool",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::place(command)
        .args([
            options::text("group", "group name"),
            options::text("dest-pool", "the same pool"),
            options::text("dest-namespace", "the same namespace"),
            options::text("dest-group", "new group name"),
        ])
        .args([
            options::word("source-group-spec", "group: [pool/[namespace/]]group"),
            options::word("dest-group-spec", "new name: [pool/[namespace/]]group"),
        ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let from = spec::image(arguments, super::GROUP)?;
    let to = spec::image(arguments, super::wanted(Side::DestinationGroup, SnapRule::Refused))?;
    check_place(&from, &to)?;
    let at = session.location(&from.at)?;
    session
        .wait(group::rename(session.client()?, &at, &from.image, &to.image))
        .map_err(|error| Failure::refused("failed to rename group", &error))
}

/// Ceph compares what was typed: a pool that is only named on one side counts as another one.
fn check_place(from: &ImageSpec, to: &ImageSpec) -> Result<(), Failure> {
    let pool = |spec: &ImageSpec| spec.at.pool.clone().unwrap_or_default();
    let namespace = |spec: &ImageSpec| spec.at.namespace.clone();
    for (what, source, target) in
        [("pool", pool(from), pool(to)), ("namespace", namespace(from), namespace(to))]
    {
        if source != target {
            let line = format!(
                "group rename across {what}s not supported\nsource {what}: {source}, dest {what}: \
                 {target}"
            );
            return Err(Failure::line(line, Errno::INVAL));
        }
    }
    Ok(())
}
