//! What users of RBD ask `rados` for.

mod df;
mod hexdump;
mod listsnaps;
mod listwatchers;
mod ls;
mod lspools;
mod omap;
mod place;
mod rm;
mod stat;
mod xattr;

use crate::commands::CommandDef;

pub(crate) const COMMANDS: &[&CommandDef] = &[
    &df::COMMAND,
    &omap::GET,
    &xattr::GET,
    &omap::KEYS,
    &omap::VALUES,
    &listsnaps::COMMAND,
    &listwatchers::COMMAND,
    &xattr::LIST,
    &ls::COMMAND,
    &lspools::COMMAND,
    &rm::COMMAND,
    &stat::COMMAND,
];
