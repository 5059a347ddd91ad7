//! What users of RBD ask `ceph` for: pools, config keys, the blocklist, who the cluster is.
//!
//! Answers that a monitor would send as a message go to standard error, as there.

use clap::{Arg, ArgAction, Command};
use marcot_store::{ClusterChange, Errno, StoreError};

use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

mod blocklist;
mod config_key;
mod df;
mod fsid;
mod min_compat_client;
mod mon_dump;
mod osd_pool;

pub(crate) const COMMANDS: &[&CommandDef] = &[
    &config_key::EXISTS,
    &config_key::GET,
    &config_key::LIST,
    &config_key::REMOVE,
    &config_key::SET,
    &df::COMMAND,
    &fsid::COMMAND,
    &mon_dump::COMMAND,
    &blocklist::ADD,
    &blocklist::LIST,
    &blocklist::REMOVE,
    &min_compat_client::DUMP,
    &min_compat_client::GET,
    &min_compat_client::SET,
    &osd_pool::CREATE,
    &osd_pool::LIST,
    &osd_pool::RENAME,
    &osd_pool::REMOVE,
];

/// `--format`, short `-f`.
fn format(command: Command) -> Command {
    options::format(command).mut_arg("format", |arg| arg.short('f'))
}

/// JSON comes after an empty line, as `ceph` has it.
fn print_json(text: &str) -> Result<(), Failure> {
    console::print(&format!("\n{text}"))
}

/// Words that follow, however many.
fn words(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).value_name(name).help(help).num_args(0..).action(ArgAction::Append)
}

/// The next word, which must be there.
fn required(arguments: &Arguments, what: &str) -> Result<String, Failure> {
    arguments
        .next_word()
        .ok_or_else(|| refusal(Errno::INVAL, &format!("missing required parameter {what}")))
}

/// `Error ENOENT: TEXT`
fn refusal(errno: Errno, text: &str) -> Failure {
    Failure::Bare { line: format!("Error {}: {text}", name(errno)), errno }
}

fn change(session: &Session, change: ClusterChange) -> Result<Result<(), StoreError>, Failure> {
    Ok(session.wait(session.client()?.store.administer(change)))
}

/// The errno's name in C.
fn name(errno: Errno) -> String {
    match errno {
        Errno::PERM => "EPERM".to_owned(),
        Errno::NOENT => "ENOENT".to_owned(),
        Errno::EXIST => "EEXIST".to_owned(),
        Errno::INVAL => "EINVAL".to_owned(),
        Errno::BUSY => "EBUSY".to_owned(),
        Errno::NOSPC => "ENOSPC".to_owned(),
        Errno::IO => "EIO".to_owned(),
        Errno::OPNOTSUPP => "EOPNOTSUPP".to_owned(),
        Errno::TIMEDOUT => "ETIMEDOUT".to_owned(),
        other => format!("E{}", other.raw()),
    }
}
