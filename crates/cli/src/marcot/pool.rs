//! `marcot pool push` and `marcot pool pull`: whole pools from store to store.

use clap::Command;
use marcot_connect::{Connection, Lifetime};
use marcot_image::transfer::pools::{self, Related, Report, Request};

use crate::args::usage::UsageError;
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const PUSH: CommandDef = CommandDef {
    name: "pool push",
    alias: None,
    about: "Copy whole pools to another store",
    define: define_push,
    run: push,
};

pub(crate) const PULL: CommandDef = CommandDef {
    name: "pool pull",
    alias: None,
    about: "Copy whole pools from another store",
    define: define_pull,
    run: pull,
};

fn define_push(command: Command) -> Command {
    define(command.arg(options::text("to", "the other store: dir:PATH or ceph:CONF")))
}

fn define_pull(command: Command) -> Command {
    define(command.arg(options::text("from", "the other store: dir:PATH or ceph:CONF")))
}

fn define(command: Command) -> Command {
    options::no_progress(command).args([
        options::switch("with-related", "take along the pools that their images need"),
        options::word("pool-name", "the pools").num_args(0..),
    ])
}

fn request(arguments: &Arguments) -> Result<Request, UsageError> {
    let pools = arguments.remaining_words();
    if pools.is_empty() {
        return Err(UsageError::unfitting("at least one pool name must be specified"));
    }
    let related =
        if arguments.flag("with-related") { Related::TakenAlong } else { Related::Refused };
    Ok(Request { pools, related })
}

/// The store at the other end, which must be named.
fn other(arguments: &Arguments, option: &str, session: &Session) -> Result<Connection, Failure> {
    let Some(spec) = arguments.text(option) else {
        let told = format!("the other store must be named with --{option}");
        return Err(UsageError::unfitting(told).into());
    };
    session.elsewhere(&spec, Lifetime::Resident)
}

fn push(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let request = request(arguments)?;
    let there = other(arguments, "to", session)?;
    let here = session.connection_for(Lifetime::Resident)?;
    let copied = copy(arguments, session, (here, &there), &request);
    there.close();
    copied
}

fn pull(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let request = request(arguments)?;
    let there = other(arguments, "from", session)?;
    let here = session.connection_for(Lifetime::Resident)?;
    let copied = copy(arguments, session, (&there, here), &request);
    there.close();
    copied
}

fn copy(
    arguments: &Arguments,
    session: &Session,
    (from, to): (&Connection, &Connection),
    request: &Request,
) -> Result<(), Failure> {
    let meter = session.meter("Copying pools", arguments);
    let copied = session.wait(pools::copy(&*from.store, &*to.store, request, &meter));
    let Report { pools, objects } =
        meter.ended(copied).map_err(|error| Failure::refused("copying pools failed", &error))?;
    console::print(&format!("{}: {objects} objects, compared\n", pools.join(", ")))
}
