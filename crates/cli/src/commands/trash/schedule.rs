//! `rbd trash purge schedule …`: what a module of Ceph's manager does, on a cluster. It is refused.

use clap::Command;
use marcot_store::Errno;

use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const ADD: CommandDef = CommandDef {
    name: "trash purge schedule add",
    alias: None,
    about: "Purge the trash at intervals (refused: Ceph's manager does that)",
    define: define_change,
    run: refuse,
};

pub(crate) const REMOVE: CommandDef = CommandDef {
    name: "trash purge schedule remove",
    alias: Some("trash purge schedule rm"),
    about: "Purge it so no more (refused: Ceph's manager does that)",
    define: define_change,
    run: refuse,
};

pub(crate) const LIST: CommandDef = CommandDef {
    name: "trash purge schedule list",
    alias: Some("trash purge schedule ls"),
    about: "List the intervals (refused: Ceph's manager knows them)",
    define: |command| {
        let recursive = options::switch("recursive", "those of the levels below too");
        options::format(options::place(command)).arg(recursive)
    },
    run: refuse,
};

pub(crate) const STATUS: CommandDef = CommandDef {
    name: "trash purge schedule status",
    alias: None,
    about: "Show when it is purged next (refused: Ceph's manager knows)",
    define: |command| options::format(options::place(command)),
    run: refuse,
};

fn define_change(command: Command) -> Command {
    options::place(command).args([
        options::word("interval", "how often"),
        options::word("start-time", "when it begins"),
    ])
}

fn refuse(_arguments: &Arguments, _session: &Session) -> Result<(), Failure> {
    let text = "trash purge schedules are kept by Ceph's manager; use a timer that runs \
                `trash purge` instead";
    Err(Failure::line(text, Errno::OPNOTSUPP))
}
