//! `rbd namespace remove`

use clap::Command;
use marcot_image::pool::namespace;
use marcot_store::Errno;

use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::{Failure, Refusal};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "namespace remove",
    alias: Some("namespace rm"),
    about: "Remove an empty namespace from a pool",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::place(command).arg(options::pool_spec())
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = super::named(arguments)?;
    let pool = session.pool_id(&spec)?;
    session
        .wait(namespace::remove(session.client()?, pool, &spec.namespace))
        .map_err(|error| failure(&error))
}

fn failure(error: &dyn Refusal) -> Failure {
    match error.errno() {
        Errno::BUSY => {
            Failure::line("namespace contains images which must be deleted first.", Errno::BUSY)
                .detail(error.to_string())
        }
        Errno::NOENT => Failure::line("namespace does not exist.", Errno::NOENT),
        _ => Failure::refused("failed to remove namespace", error),
    }
}
