//! `rbd snap limit set`, `rbd snap limit clear`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::snapshot;
use marcot_store::Errno;

use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const SET: CommandDef = CommandDef {
    name: "snap limit set",
    alias: None,
    about: "Limit the number of snapshots",
    define: define_set,
    run: set,
};

pub(crate) const CLEAR: CommandDef = CommandDef {
    name: "snap limit clear",
    alias: None,
    about: "Take the limit of snapshots away",
    define: options::image,
    run: clear,
};

fn define_set(command: Command) -> Command {
    options::image(command).arg(options::text("limit", "how many snapshots are allowed"))
}

fn set(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let Some(limit) = options::number::<u64>(arguments, "limit")? else {
        return Err(Failure::line("must specify --limit <num>", Errno::RANGE));
    };
    change(&spec, Some(limit), "setting snapshot limit failed", session)
}

fn clear(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    change(&spec, None, "clearing snapshot limit failed", session)
}

fn change(
    spec: &spec::ImageSpec,
    limit: Option<u64>,
    what: &str,
    session: &Session,
) -> Result<(), Failure> {
    let image = session.open_head(spec, Access::ReadWrite)?;
    let changed = match limit {
        Some(limit) => session.wait(snapshot::set_limit(&image, limit)),
        None => session.wait(snapshot::clear_limit(&image)),
    };
    changed.map_err(|error| Failure::refused(what, &error))?;
    session.close_image(&image)
}
