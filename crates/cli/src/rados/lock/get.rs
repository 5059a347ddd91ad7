//! `rados lock get`

use clap::Command;
use marcot_format::Utime;
use marcot_format::call::lock::Lock;
use marcot_format::lock::LockKind;
use marcot_store::Errno;

use super::super::place::{self, Place, refused};
use super::{cookie, define_lock, failed, order};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "lock get",
    alias: None,
    about: "Take a lock of an object; it outlives this command",
    define,
    run,
};

fn define(command: Command) -> Command {
    define_lock(command).args([
        cookie(),
        options::text("lock-tag", "who shares a lock uses the same"),
        options::text("lock-description", "what it is for"),
        options::text("lock-duration", "seconds after which it ends by itself"),
        options::text("lock-type", "exclusive or shared"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let object = place::required(arguments, "object")?;
    let name = place::required(arguments, "lock")?;
    let place = Place::open(arguments, session)?;
    let text = |id| arguments.text(id).unwrap_or_default();
    let kind = match &*text("lock-type") {
        "" | "exclusive" => LockKind::Exclusive,
        "shared" => LockKind::Shared,
        _ => {
            console::complain("unknown lock type was specified, aborting");
            return Err(refused(&format!("error {}: {}", Errno::INVAL.raw(), Errno::INVAL)));
        }
    };
    let seconds: u32 = options::number(arguments, "lock-duration")?.unwrap_or(0);
    let call = Lock {
        name,
        kind,
        cookie: text("lock-cookie"),
        // Only sharers have something to agree on.
        tag: if kind == LockKind::Shared { text("lock-tag") } else { String::new() },
        description: text("lock-description"),
        duration: Utime { seconds, nanoseconds: 0 },
        flags: 0,
    };
    order((&place, session), &object, &call)?.map_err(|error| failed("failed locking", &error))
}
