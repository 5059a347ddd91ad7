//! `rbd pool init`

use clap::Command;
use marcot_image::pool::init;
use marcot_store::{Errno, OtherApplications};

use crate::args::{Arguments, options, spec};
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "pool init",
    alias: None,
    about: "Make a pool ready for images",
    define,
    run,
};

fn define(command: Command) -> Command {
    command.args([
        options::pool(),
        options::switch("force", "even if another application uses it"),
        options::word("pool-name", "pool name"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::pool(arguments)?;
    let pool = session.pool_id(&spec)?;
    let others = match arguments.flag("force") {
        true => OtherApplications::Allowed,
        false => OtherApplications::Refused,
    };
    match session.wait(init::init(session.client()?, pool, others)) {
        // As `rbd` has it: said, and no failure.
        Err(error) if error.errno() == Errno::PERM => {
            session.warn("pool already registered to a different application.");
            Ok(())
        }
        other => other.map_err(|error| Failure::refused("error registered application", &error)),
    }
}
