//! `rbd group …`

use clap::Command;

use crate::args::options;
use crate::args::spec::{ImageRule, Side, SnapRule, Strictness, Wanted};

pub(crate) mod create;
pub(crate) mod image;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod rename;
pub(crate) mod snap;

/// `--pool`, `--namespace`, `--group` and the word that says all three.
fn group(command: Command) -> Command {
    options::place(command)
        .arg(options::text("group", "group name"))
        .arg(options::word("group-spec", "group: [pool/[namespace/]]group"))
}

/// The same with a snapshot.
fn snapshot(command: Command) -> Command {
    options::place(command)
        .args([options::text("group", "group name"), options::text("snap", "snapshot name")])
        .arg(options::word("group-snap-spec", "snapshot: [pool/[namespace/]]group@snapshot"))
}

/// A group, or a snapshot of it.
const fn wanted(side: Side, snap: SnapRule) -> Wanted {
    Wanted { side, snap, image: ImageRule::Required, strictness: Strictness::NewImage }
}

/// The only group of a command.
const GROUP: Wanted = wanted(Side::Group, SnapRule::Refused);
/// A snapshot of it.
const SNAPSHOT: Wanted = wanted(Side::Group, SnapRule::Required);
