//! `rados lock break`

use clap::Command;
use marcot_format::call::lock::BreakLock;
use marcot_format::entity::EntityName;
use marcot_store::Errno;

use super::super::place::{self, Place, refused};
use super::{cookie, define_lock, failed, order};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "lock break",
    alias: None,
    about: "Take a lock of an object from another client",
    define,
    run,
};

fn define(command: Command) -> Command {
    define_lock(command)
        .args([options::word("locker-name", "who holds it: client.NUMBER"), cookie()])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let object = place::required(arguments, "object")?;
    let name = place::required(arguments, "lock")?;
    let holder = place::required(arguments, "locker")?;
    let place = Place::open(arguments, session)?;
    let Some(locker) = EntityName::parse(&holder) else {
        console::complain(&format!("ERROR: failed to parse locker name ({holder})"));
        return Err(refused(&format!("error {}: {}", Errno::INVAL.raw(), Errno::INVAL)));
    };
    let cookie = arguments.text("lock-cookie").unwrap_or_default();
    order((&place, session), &object, &BreakLock { name, locker, cookie })?
        .map_err(|error| failed("failed breaking lock", &error))
}
