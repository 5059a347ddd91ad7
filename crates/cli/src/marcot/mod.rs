//! What `marcot` can do besides `rbd`'s commands.

mod df;
mod fsck;
mod host;
mod man;
mod nbd;
mod pool;
mod shell_completions;
mod tree;

use crate::commands::CommandDef;

pub(crate) const COMMANDS: &[&CommandDef] = &[
    &shell_completions::COMMAND,
    &df::COMMAND,
    &fsck::COMMAND,
    &host::RUN,
    &host::STATUS,
    &host::STOP,
    &man::COMMAND,
    &nbd::ls::COMMAND,
    &nbd::serve::COMMAND,
    &pool::PULL,
    &pool::PUSH,
    &tree::COMMAND,
];
