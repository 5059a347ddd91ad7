//! `rados listwatchers`

use super::place::{self, Place, refused};
use crate::args::Arguments;
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "listwatchers",
    alias: None,
    about: "List who watches an object",
    define: place::object,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let place = Place::open(arguments, session)?;
    let store = &session.client()?.store;
    let watchers = session.wait(store.list_watchers(&place.id(&name))).map_err(|error| {
        refused(&format!("error listing watchers {}: {}", place.shown(&name), error.errno))
    })?;
    for watcher in watchers {
        let (address, handle) = (watcher.address, watcher.handle.0);
        console::print(&format!("watcher={address} {} cookie={handle}\n", watcher.client))?;
    }
    Ok(())
}
