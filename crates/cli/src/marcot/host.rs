//! `marcot host`: the resident host of an embedded store, which starts by itself when it is needed.

use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Command};
use marcot_connect::{Lifetime, Reached, ResidentError, StoreSpec, run_resident};
use marcot_host::process::is_running;
use marcot_host::server::Limits;
use marcot_host::spawn::detach;
use marcot_store::Errno;
use rustix::process::{Pid, Signal, kill_process};

use super::nbd::job::HostJobs;
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const RUN: CommandDef = CommandDef {
    name: "host",
    alias: None,
    about: "Serve the store to other commands until idle (starts by itself when needed)",
    define,
    run,
};

pub(crate) const STOP: CommandDef = CommandDef {
    name: "host stop",
    alias: None,
    about: "End the store's host once it has finished what it is doing",
    define: |command| command,
    run: stop,
};

pub(crate) const STATUS: CommandDef = CommandDef {
    name: "host status",
    alias: None,
    about: "Show whether the store has a host, and its process",
    define: options::format,
    run: status,
};

/// How often we look whether a host that was told to end has ended.
const PAUSE: Duration = Duration::from_millis(5);

fn define(command: Command) -> Command {
    command.args([
        options::switch("detach", "leave the terminal's session").hide(true),
        Arg::new("idle")
            .long("idle")
            .value_name("seconds")
            .value_parser(clap::value_parser!(u64))
            .help("end after so long without a user; 10 when not said"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    if arguments.flag("detach") {
        detach();
    }
    let mut limits = Limits::default();
    if let Some(seconds) = arguments.value::<u64>("idle") {
        limits.idle = Duration::from_secs(seconds);
    }
    let spec = session.store_spec()?;
    run_resident(&spec, Arc::new(HostJobs::default()), limits).map_err(|error| failure(&error))
}

fn failure(error: &ResidentError) -> Failure {
    let errno = match error {
        ResidentError::NoDirectory(_) => Errno::OPNOTSUPP,
        ResidentError::Directory(error) => error.errno(),
        ResidentError::Engine { error, .. } => error.errno(),
        ResidentError::Busy { .. } => Errno::BUSY,
        ResidentError::Host(_) => Errno::IO,
    };
    Failure::Store { message: error.to_string(), errno }
}

fn stop(_arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let StoreSpec::Dir(_) = session.store_spec()? else {
        return Err(Failure::line("only an embedded store has a host", Errno::OPNOTSUPP));
    };
    let reached = session.connection_for(Lifetime::Transient)?.reached.clone();
    let Reached::Host(pid) = reached else {
        return console::print("the store has no host\n");
    };
    let told = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::INVAL);
    let told = told.map_err(|errno| Failure::verb("ending the host", errno))?;
    kill_process(told, Signal::TERM)
        .map_err(|error| Failure::verb("ending the host", Errno::from_raw(error.raw_os_error())))?;
    while is_running(pid) {
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

fn status(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = options::style(arguments)?;
    let StoreSpec::Dir(_) = session.store_spec()? else {
        return Err(Failure::line("only an embedded store has a host", Errno::OPNOTSUPP));
    };
    let pid = match session.connection_for(Lifetime::Transient)?.reached {
        Reached::Host(pid) => Some(pid),
        Reached::InProcess => None,
    };
    let text = match (style.format, pid) {
        (Format::Plain, Some(pid)) => format!("process {pid} serves the store\n"),
        (Format::Plain, None) => "the store has no host\n".to_owned(),
        (Format::Json | Format::Xml, pid) => {
            let fields = pid.map(|pid| ("pid", Value::Number(u64::from(pid))));
            let running = ("running", Value::Bool(pid.is_some()));
            let fields = std::iter::once(running).chain(fields).collect();
            structured(style, "host", &Value::Object(fields))
        }
    };
    console::print(&text)
}
