//! `rbd trash purge`

use clap::Command;
use marcot_image::operation::trash::{PurgeError, PurgeOptions, purge};

use crate::args::{Arguments, options, spec};
use crate::commands::CommandDef;
use crate::date;
use crate::exit::{self, Failure};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "trash purge",
    alias: None,
    about: "Delete everything in the trash that has expired",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::no_progress(options::place(command)).arg(options::pool_spec()).args([
        options::text("expired-before", "what has expired by then; now when not said"),
        options::text(
            "threshold",
            "the oldest images, until the store is filled to that share (0.0 to 1.0)",
        ),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    session.expect_room();
    let spec = spec::pool(arguments)?;
    let at = session.location(&spec)?;
    let options = match options::number::<f64>(arguments, "threshold")? {
        // As in Ceph, this one stands for none.
        Some(share) if share != -1.0 => PurgeOptions::Threshold(share),
        _ => PurgeOptions::ExpiredBefore(match arguments.text("expired-before") {
            Some(text) => date::read(&text)?,
            None => session.now()?,
        }),
    };
    let meter = session.meter("Removing images", arguments);
    let purged = session.wait(purge(session.client()?, &at, options, &meter));
    meter.ended(purged).map_err(|error| match &error {
        PurgeError::Left(_) => Failure::line(
            "some expired images could not be removed\nEnsure that they are closed/unmapped, do \
             not have snapshots (including trashed snapshots with linked clones), are not in a \
             group and were moved to the trash successfully.",
            error.errno(),
        )
        .detail(error.to_string()),
        _ => exit::told(&error),
    })
}
