//! `rbd namespace create`

use clap::Command;
use marcot_image::pool::namespace;

use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "namespace create",
    alias: None,
    about: "Create a namespace in a pool",
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
        .wait(namespace::create(session.client()?, pool, &spec.namespace))
        .map_err(|error| Failure::refused("failed to created namespace", &error))
}
