//! `rados create`

use marcot_store::WriteStep;
use marcot_store::op::CreateMode;

use super::place::{self, Place, refused};
use crate::args::Arguments;
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "create",
    alias: None,
    about: "Create an empty object",
    define: place::object,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let place = Place::open(arguments, session)?;
    place.write(&name, WriteStep::Create(CreateMode::Exclusive))?.map_err(|error| {
        refused(&format!("error creating {}: {}", place.shown(&name), error.errno))
    })
}
