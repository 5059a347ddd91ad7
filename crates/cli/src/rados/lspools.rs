//! `rados lspools`

use clap::Command;

use crate::args::Arguments;
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "lspools", alias: None, about: "List pools", define, run };

fn define(command: Command) -> Command {
    command
}

fn run(_arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let pools = session.pools()?;
    console::print(&pools.iter().map(|pool| format!("{}\n", pool.name)).collect::<String>())
}
