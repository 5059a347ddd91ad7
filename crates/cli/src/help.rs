//! Help, from the same definitions that parse.

use std::fmt::Write as _;

use clap::Command;

use crate::args::options;
use crate::commands::{self, CommandDef};
use crate::exit::Failure;
use crate::personality::Personality;
use crate::{ceph, console, marcot, rados};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `--version` prints. Programs read the release of Ceph out of it.
pub(crate) fn version(personality: Personality) -> String {
    match personality {
        Personality::Marcot => format!("marcot {VERSION}\n"),
        Personality::Rbd | Personality::Rados | Personality::Ceph | Personality::Dencoder => {
            format!("ceph version 16.2.15 (marcot {VERSION}) pacific (stable)\n")
        }
    }
}

/// What a command line that asks for help with `-h` or `--help` is about: `rbd` shows the overview
/// whatever command it stands at.
pub(crate) fn asked<'a>(personality: Personality, words: &'a [&'a str]) -> &'a [&'a str] {
    if personality == Personality::Rbd { &[] } else { words }
}

/// `help`, `help COMMAND`, or nothing at all.
pub(crate) fn answer(
    personality: Personality,
    commands: &[&'static CommandDef],
    words: &[&str],
) -> Result<(), Failure> {
    let asked = words.strip_prefix(&["help"]).unwrap_or(words);
    if asked.is_empty() {
        return console::print(&overview(personality, commands));
    }
    match commands::find(commands, asked) {
        Some((command, _)) => console::print(&of_command(personality, command)),
        None => Err(unknown(personality, commands, asked)),
    }
}

/// No such command: Ceph's tools show the overview, ours says what may have been meant.
pub(crate) fn unknown(
    personality: Personality,
    commands: &[&'static CommandDef],
    words: &[&str],
) -> Failure {
    match personality {
        Personality::Marcot => no_such(commands, words),
        Personality::Rbd | Personality::Rados | Personality::Ceph | Personality::Dencoder => {
            let help = overview(personality, commands);
            Failure::UnknownCommand { words: words.join(" "), help }
        }
    }
}

/// The commands that begin with the first word (`snap`), else those that are spelled nearly so.
fn no_such(commands: &[&'static CommandDef], words: &[&str]) -> Failure {
    let first = words.first().copied().unwrap_or_default();
    let longer = commands.iter().map(|command| command.name);
    let longer: Vec<_> = longer.filter(|name| name.starts_with(&format!("{first} "))).collect();
    if !longer.is_empty() {
        return Failure::NoSuchCommand { words: words.join(" "), meant: longer };
    }
    let alike = |name: &str| {
        let typed: Vec<&str> = words.iter().copied().take(name.split(' ').count()).collect();
        strsim::normalized_damerau_levenshtein(name, &typed.join(" ")) >= NEARLY
    };
    let names = commands.iter().flat_map(|command| command.names());
    Failure::NoSuchCommand { words: first.to_owned(), meant: names.filter(|n| alike(n)).collect() }
}

/// How alike, from 0 to 1, a name and what was typed must be to be offered: one letter in three off.
const NEARLY: f64 = 0.66;

/// Usage and options of one command.
fn of_command(personality: Personality, command: &CommandDef) -> String {
    let name = format!("{} {}", personality.name(), command.name);
    let mut definition = command.definition().bin_name(name).disable_help_flag(true);
    definition.render_help().to_string()
}

fn overview(personality: Personality, commands: &[&'static CommandDef]) -> String {
    let name = personality.name();
    let mut text =
        format!("usage: {name} <command> ...\n\n{}\n\nCommands:\n", purpose(personality));
    for command in commands {
        let names = match command.alias {
            Some(alias) => format!("{} ({alias})", command.name),
            None => command.name.to_owned(),
        };
        let _ = writeln!(text, "  {names:<33} {}", command.about);
    }
    text.push_str(OPTIONS);
    let _ = writeln!(text, "\nSee '{name} help <command>' for the options of a command.");
    text
}

/// All commands as one tree: `marcot snap create`, `marcot rados ls` …
pub(crate) fn whole_tree() -> Command {
    let mut root = Command::new("marcot")
        .about("Layered block storage: images, snapshots, clones")
        .version(VERSION)
        .args([
            options::text("store", "which store: dir:PATH or ceph:CONF").global(true),
            options::switch("verbose", "say which store it is").short('v').global(true),
        ]);
    for command in commands::RBD.iter().chain(marcot::COMMANDS) {
        root = grown(root, command, command.name);
    }
    for (tool, list) in [("rados", rados::COMMANDS), ("ceph", ceph::COMMANDS)] {
        let mut branch = Command::new(tool).about(format!("As Ceph's {tool}"));
        for command in list {
            branch = grown(branch, command, command.name);
        }
        root = root.subcommand(branch);
    }
    root
}

/// `tree` with `command` at the place that `path` names.
fn grown(tree: Command, command: &CommandDef, path: &str) -> Command {
    match path.split_once(' ') {
        None => tree.subcommand(command.definition().disable_help_flag(true)),
        Some((first, rest)) if tree.find_subcommand(first).is_some() => {
            tree.mut_subcommand(first, |branch| grown(branch, command, rest))
        }
        Some((first, rest)) => {
            let branch = Command::new(first.to_owned()).about(format!("{first} …"));
            tree.subcommand(grown(branch, command, rest))
        }
    }
}

fn purpose(personality: Personality) -> &'static str {
    match personality {
        Personality::Marcot => "Layered block storage: images, snapshots, clones.",
        Personality::Rbd => "Images, snapshots and clones, as Ceph's rbd manages them.",
        Personality::Rados => "Pools and objects, as Ceph's rados shows them.",
        Personality::Ceph => "The store itself, as Ceph's ceph manages it.",
        Personality::Dencoder => "Stored records, as Ceph's ceph-dencoder shows them.",
    }
}

const OPTIONS: &str = "
Options of every command:
  --store dir:PATH|ceph:CONF        which store
  -c, --conf CONF                   the Ceph cluster of a configuration file
  -v, --verbose                     say which store it is, and why that one
  --rbd-OPTION VALUE                an option of RBD
  --version                         show the version
";
