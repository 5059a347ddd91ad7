//! `rados lock info`

use marcot_format::call::lock::GetInfo;
use marcot_format::lock::{LockInfo, LockKind, LockerId, LockerInfo};

use super::super::place::{self, Place};
use super::{define_lock, failed, question, style};
use crate::args::Arguments;
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Value, structured};
use crate::session::Session;
use crate::time;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "lock info",
    alias: None,
    about: "Show who holds a lock of an object",
    define: define_lock,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = style(arguments)?;
    let object = place::required(arguments, "object")?;
    let name = place::required(arguments, "lock")?;
    let place = Place::open(arguments, session)?;
    let info = question((&place, session), &object, &GetInfo { name: name.clone() })?
        .map_err(|error| failed("rados_lock_get_lock_info()", &error))?;
    console::print(&structured(style, "lock", &value(&name, &info)))
}

fn value(name: &str, info: &LockInfo) -> Value {
    let kind = match info.kind {
        LockKind::None => "none",
        LockKind::Exclusive => "exclusive",
        LockKind::Shared => "shared",
        LockKind::ExclusiveEphemeral => "exclusive-ephemeral",
    };
    let locker = |(id, info): (&LockerId, &LockerInfo)| {
        Value::Object(vec![
            ("name", Value::text(id.locker.to_string())),
            ("cookie", Value::text(&id.cookie)),
            ("description", Value::text(&info.description)),
            ("expiration", Value::text(time::exact(info.expiration))),
            ("addr", Value::text(info.address.to_string())),
        ])
    };
    Value::Object(vec![
        ("name", Value::text(name)),
        ("type", Value::text(kind)),
        ("tag", Value::text(&info.tag)),
        ("lockers", Value::list("locker", info.lockers.iter().map(locker))),
    ])
}
