//! `rados rmomapkey`

use marcot_store::WriteStep;

use super::super::place::{self, Place, refused};
use super::key::{self, Key};
use crate::args::Arguments;
use crate::commands::CommandDef;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "rmomapkey",
    alias: None,
    about: "Remove a key of an object's omap",
    define: key::define,
    run,
};

/// A key that is not there is none to complain about.
fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let key = Key::of(arguments)?;
    let place = Place::open(arguments, session)?;
    let at = key.shown(&place, &name);
    place
        .write(&name, WriteStep::OmapRemove { keys: vec![key.bytes] })?
        .map_err(|error| refused(&format!("error removing omap key {at}: {}", error.errno)))
}
