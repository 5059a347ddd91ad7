//! What users of RBD ask `rados` for.

mod df;
mod ls;
mod lspools;

use crate::commands::CommandDef;

pub(crate) const COMMANDS: &[&CommandDef] = &[&df::COMMAND, &ls::COMMAND, &lspools::COMMAND];
