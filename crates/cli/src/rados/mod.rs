//! What users of RBD ask `rados` for.

mod append;
mod create;
mod df;
mod get;
mod hexdump;
mod input;
mod listsnaps;
mod listwatchers;
mod lock;
mod ls;
mod lspools;
mod omap;
mod place;
mod put;
mod rm;
mod stat;
mod style;
mod truncate;
mod xattr;

use crate::commands::CommandDef;
pub(crate) use hexdump::hexdump;

pub(crate) const COMMANDS: &[&CommandDef] = &[
    &append::COMMAND,
    &omap::clear::COMMAND,
    &create::COMMAND,
    &df::COMMAND,
    &get::COMMAND,
    &omap::get::COMMAND,
    &xattr::GET,
    &omap::list::KEYS,
    &omap::list::VALUES,
    &listsnaps::COMMAND,
    &listwatchers::COMMAND,
    &xattr::LIST,
    &lock::break_lock::COMMAND,
    &lock::get::COMMAND,
    &lock::info::COMMAND,
    &lock::list::COMMAND,
    &ls::COMMAND,
    &lspools::COMMAND,
    &put::COMMAND,
    &rm::COMMAND,
    &omap::remove::COMMAND,
    &xattr::REMOVE,
    &omap::set::COMMAND,
    &xattr::SET,
    &stat::COMMAND,
    &truncate::COMMAND,
];
