//! `rbd trash remove`

use clap::Command;
use marcot_image::operation::RemoveError;
use marcot_image::operation::trash::{Deferment, TrashError, remove_from_trash};

use crate::args::spec::{self, Wanted};
use crate::args::{Arguments, options};
use crate::commands::{CommandDef, remove};
use crate::console;
use crate::exit::{self, Failure};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "trash remove",
    alias: Some("trash rm"),
    about: "Delete an image that is in the trash",
    define,
    run,
};

fn define(command: Command) -> Command {
    let force = options::switch("force", "although it is to be kept for longer");
    options::no_progress(options::trashed(command)).arg(force)
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    session.expect_room();
    let spec = spec::image(arguments, Wanted::trashed())?;
    let at = session.location(&spec.at)?;
    let deferment =
        if arguments.flag("force") { Deferment::Overridden } else { Deferment::Respected };
    let meter = session.meter("Removing image", arguments);
    let client = session.client()?;
    let removed = session.wait(remove_from_trash(client, &at, &spec.image, deferment, &meter));
    if let Err(error) = &removed {
        explain(session, error);
    }
    meter.ended(removed).map_err(|error| exit::told(&error))
}

fn plainly(error: &RemoveError) -> RemoveError {
    match error.clone() {
        RemoveError::HasClones { name } => RemoveError::HasSnapshots { name },
        other => other,
    }
}

/// Ceph explains before it says how far it came.
fn explain(session: &Session, error: &TrashError) {
    match error {
        TrashError::Deferred { .. } => console::complain(
            "Deferment time has not expired, please use --force if you really want to remove the \
             image",
        ),
        TrashError::Remove(inner) if matches!(**inner, RemoveError::InGroup { .. }) => {
            console::complain(remove::LEAVE_THE_GROUP);
        }
        // Here Ceph does not tell removed snapshots from others.
        TrashError::Remove(inner) => match remove::explained(session, &plainly(inner)) {
            Some(line) => session.warn(&line),
            None => session.warn(&format!("remove error: {}", error.errno())),
        },
        _ => session.warn(&format!("remove error: {}", error.errno())),
    }
}
