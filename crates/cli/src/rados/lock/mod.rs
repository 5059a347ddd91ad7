//! `rados lock …`: advisory locks of any object. Answers are JSON or XML, never plain.

pub(crate) mod break_lock;
pub(crate) mod get;
pub(crate) mod info;
pub(crate) mod list;

use clap::Command;
use marcot_format::call::Call;
use marcot_image::CallError;
use marcot_image::class_call::{ask, tell};

use super::place::{self, Place, refused};
use super::style;
use crate::args::{Arguments, options};
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Style};
use crate::session::Session;

fn define_lock(command: Command) -> Command {
    place::object(command).arg(options::word("lock-name", "name of the lock"))
}

fn cookie() -> clap::Arg {
    options::text("lock-cookie", "tells holds of one client apart")
}

fn style(arguments: &Arguments) -> Result<Style, Failure> {
    let style = style::wanted(arguments)?;
    Ok(match style.format {
        Format::Plain => Style { format: Format::Json, pretty: false },
        Format::Json | Format::Xml => style,
    })
}

/// Asks the class of an object.
fn question<C: Call>(
    (place, session): (&Place<'_>, &Session),
    object: &str,
    call: &C,
) -> Result<Result<C::Reply, CallError>, Failure> {
    let store = &session.client()?.store;
    Ok(session.wait(ask(&**store, &place.id(object), call)))
}

/// Has the class change an object.
fn order<C: Call>(
    (place, session): (&Place<'_>, &Session),
    object: &str,
    call: &C,
) -> Result<Result<(), CallError>, Failure> {
    let store = &session.client()?.store;
    Ok(session.wait(tell(&**store, &place.id(object), call)))
}

/// Two sentences of `rados` about one failure.
fn failed(what: &str, error: &CallError) -> Failure {
    let errno = error.errno();
    console::complain(&format!("ERROR: {what}: {errno}"));
    refused(&format!("error {}: {errno}", errno.raw()))
}
