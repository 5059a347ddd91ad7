//! `marcot completions`: for shells, from the definitions that parse.

use clap::Command;
use clap_complete::{Shell, generate};

use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::help;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "completions",
    alias: None,
    about: "Show what a shell needs to complete our commands",
    define,
    run,
};

fn define(command: Command) -> Command {
    command.arg(options::word("shell", "bash, zsh, fish, elvish or powershell"))
}

fn run(arguments: &Arguments, _session: &Session) -> Result<(), Failure> {
    let word = arguments.next_word().unwrap_or_else(|| "bash".to_owned());
    let shell: Shell = word.parse().map_err(|_| UsageError::WordInvalid)?;
    let mut text = Vec::new();
    generate(shell, &mut help::whole_tree(), "marcot", &mut text);
    console::print_bytes(&text)
}
