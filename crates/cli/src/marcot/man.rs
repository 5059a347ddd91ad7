//! `marcot man`: manual pages, from the definitions that parse.

use std::path::Path;

use clap::Command;

use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::help;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "man",
    alias: None,
    about: "Write the manual pages into a folder, or one of them to standard output",
    define,
    run,
};

fn define(command: Command) -> Command {
    command.args([
        options::text("folder", "where the pages go").short('o'),
        options::word("command", "one command: its page goes to standard output")
            .num_args(0..)
            .action(clap::ArgAction::Append),
    ])
}

fn run(arguments: &Arguments, _session: &Session) -> Result<(), Failure> {
    let words = arguments.remaining_words();
    let tree = help::whole_tree();
    let Some(folder) = arguments.text("folder") else {
        let path: Vec<&str> = words.iter().map(String::as_str).collect();
        let command = find(&tree, &path).ok_or_else(|| {
            Failure::line(format!("no command {}", words.join(" ")), marcot_store::Errno::NOENT)
        })?;
        return console::print(&page(command)?);
    };
    write_all(&tree, "", Path::new(&folder))
}

fn find<'a>(tree: &'a Command, words: &[&str]) -> Option<&'a Command> {
    words.iter().try_fold(tree, |command, word| command.find_subcommand(word))
}

fn page(command: &Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(Failure::Output)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn write_all(command: &Command, before: &str, folder: &Path) -> Result<(), Failure> {
    let name = match before {
        "" => command.get_name().to_owned(),
        before => format!("{before}-{}", command.get_name()),
    };
    let named = command.clone().name(name.clone());
    let path = folder.join(format!("{name}.1"));
    std::fs::write(path, page(&named)?).map_err(Failure::Output)?;
    command.get_subcommands().try_for_each(|command| write_all(command, &name, folder))
}
