//! `rbd lock remove`

use clap::Command;
use marcot_image::Access;
use marcot_image::operation::lock;

use crate::args::spec::{self, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "lock remove",
    alias: Some("lock rm"),
    about: "Break a lock and shut out who holds it",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::image(command).args([
        options::word("lock-id", "name of the lock"),
        options::word("locker", "who holds it, as `lock list` shows it"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Refused))?;
    let id = super::word(arguments, "lock id")?;
    let locker = super::word(arguments, "locker")?;
    let image = session.open_head(&spec, Access::ReadWrite)?;
    session
        .wait(lock::remove(&image, &id, &locker))
        .map_err(|error| Failure::refused("releasing lock failed", &error))?;
    session.close_image(&image)
}
