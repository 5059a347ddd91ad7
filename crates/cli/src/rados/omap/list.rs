//! `rados listomapkeys|listomapvals`

use bytes::Bytes;

use super::super::hexdump::hexdump;
use super::super::place::{self, Place, refused};
use super::shown;
use crate::args::Arguments;
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const KEYS: CommandDef = CommandDef {
    name: "listomapkeys",
    alias: None,
    about: "List the keys of an object's omap",
    define: place::object,
    run: keys,
};

pub(crate) const VALUES: CommandDef = CommandDef {
    name: "listomapvals",
    alias: None,
    about: "Show the keys and values of an object's omap",
    define: place::object,
    run: values,
};

fn keys(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let place = Place::open(arguments, session)?;
    let entries = place.omap(&name)?.map_err(|error| {
        refused(&format!("error getting omap key set {}: {}", place.shown(&name), error.errno))
    })?;
    let lines = entries.iter().flat_map(|(key, _)| [key.as_ref(), b"\n"].concat());
    console::print_bytes(&lines.collect::<Vec<u8>>())
}

fn values(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let place = Place::open(arguments, session)?;
    let entries = place.omap(&name)?.map_err(|error| {
        refused(&format!("error getting omap keys {}: {}", place.shown(&name), error.errno))
    })?;
    let pair = |(key, bytes): &(Bytes, Bytes)| format!("{}{}\n", shown_key(key), shown(bytes));
    console::print(&entries.iter().map(pair).collect::<String>())
}

/// A key that is text as it is, any other in hexadecimal.
fn shown_key(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if key.iter().all(|byte| matches!(byte, b' '..=b'~')) => format!("{text}\n"),
        _ => format!("key ({} bytes):\n{}\n", key.len(), hexdump(key)),
    }
}
