//! Marcot's command line: `marcot`, which also answers as `rbd`, `rados`, `ceph`
//! and `ceph-dencoder`.
//!
//! A front end: words become a typed request ([`args`]), a request becomes one call of the image
//! layer ([`commands`]), its answer becomes text ([`render`]), a failure becomes a line and an exit
//! code ([`exit`]). It starts no runtime and opens no store before a command asks for one, because
//! a whole process may take 10 ms.

mod args;
mod ceph;
mod commands;
mod config;
mod console;
mod date;
mod dencoder;
mod exit;
mod help;
mod lineage;
mod marcot;
mod membership;
mod personality;
mod progress;
mod rados;
mod render;
mod session;
mod store_choice;
mod time;

use std::ffi::OsString;
use std::process::ExitCode;

use args::Arguments;
use args::global;
use args::tokens::Tokens;
use args::usage::UsageError;
use commands::CommandDef;
use exit::Failure;
use personality::Personality;
use session::Session;

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let argv0 = words.next().unwrap_or_default();
    let words: Vec<OsString> = words.collect();
    let text = |word: &OsString| word.to_string_lossy().into_owned();
    let (personality, read) = personality::recognise(&argv0, words.iter().map(text).collect());
    let result = match words.iter().find(|word| word.to_str().is_none()) {
        None => run(personality, read),
        Some(word) => {
            let text = format!("'{}' is not UTF-8", word.to_string_lossy());
            Err(UsageError::unfitting(text).into())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.report(personality)),
    }
}

/// Every command that `personality` has.
fn commands_of(personality: Personality) -> Vec<&'static CommandDef> {
    let lists: &[&[&CommandDef]] = match personality {
        Personality::Marcot => &[commands::RBD, marcot::COMMANDS],
        Personality::Rbd => &[commands::RBD],
        Personality::Rados => &[rados::COMMANDS],
        Personality::Ceph => &[ceph::COMMANDS],
        // Its words are no commands of this kind.
        Personality::Dencoder => &[],
    };
    lists.iter().flat_map(|list| list.iter().copied()).collect()
}

fn run(personality: Personality, words: Vec<String>) -> Result<(), Failure> {
    if personality == Personality::Dencoder {
        return dencoder::run(&words);
    }
    let (globals, words) = global::take(personality, global::from_environment(), words)?;
    if globals.version {
        return console::print(&help::version(personality));
    }
    let tokens = Tokens::new(words);
    let positionals = tokens.positionals();
    let commands = commands_of(personality);
    if positionals.first().is_none_or(|word| *word == "help") {
        return help::answer(personality, &commands, &positionals);
    }
    if tokens.asks_for_help {
        return help::answer(personality, &commands, help::asked(personality, &positionals));
    }
    let Some((command, length)) = commands::find(&commands, &positionals) else {
        return Err(help::unknown(personality, &commands, &positionals));
    };
    let arguments = Arguments::parse(command.definition(), tokens.without_command(length))?;
    let session = Session::new(personality, globals);
    let result = (command.run)(&arguments, &session);
    session.warn_if_nearly_full();
    session.close();
    result
}
