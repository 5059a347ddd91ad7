//! `marcot completions`: for shells, from the definitions that parse.

use clap::{Arg, Command};
use clap_complete::{Shell, generate};

use crate::args::Arguments;
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
    command.arg(
        Arg::new("shell")
            .value_name("shell")
            .value_parser(["bash", "zsh", "fish", "elvish", "powershell"])
            .help("bash, zsh, fish, elvish or powershell"),
    )
}

fn run(arguments: &Arguments, _session: &Session) -> Result<(), Failure> {
    let word = arguments.next_word().unwrap_or_else(|| "bash".to_owned());
    let shell: Shell = word.parse().unwrap_or(Shell::Bash);
    let mut text = Vec::new();
    generate(shell, &mut help::whole_tree(), "marcot", &mut text);
    console::print_bytes(&text)
}
