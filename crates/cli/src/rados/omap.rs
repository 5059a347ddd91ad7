//! `rados listomapkeys|listomapvals|getomapval`

use bytes::Bytes;
use clap::Command;
use marcot_store::{ReadResult, ReadStep};

use super::hexdump::hexdump;
use super::place::{self, Place, refused};
use crate::args::{Arguments, options};
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

pub(crate) const GET: CommandDef = CommandDef {
    name: "getomapval",
    alias: None,
    about: "Show a value of an object's omap, or write it to a file",
    define: define_get,
    run: get,
};

fn define_get(command: Command) -> Command {
    place::object(command)
        .args([options::word("key", "the key"), options::word("file", "where to write the value")])
}

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
    let pair = |(key, bytes): &(Bytes, Bytes)| format!("{}{}\n", shown_key(key), value(bytes));
    console::print(&entries.iter().map(pair).collect::<String>())
}

/// A key that is text as it is, any other in hexadecimal.
fn shown_key(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if key.iter().all(|byte| matches!(byte, b' '..=b'~')) => format!("{text}\n"),
        _ => format!("key ({} bytes):\n{}\n", key.len(), hexdump(key)),
    }
}

fn value(bytes: &[u8]) -> String {
    format!("value ({} bytes) :\n{}", bytes.len(), hexdump(bytes))
}

fn get(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let name = place::required(arguments, "object")?;
    let key = place::required(arguments, "key")?;
    let place = Place::open(arguments, session)?;
    let shown = format!("{}/{key}", place.shown(&name));
    let keys = vec![Bytes::from(key.into_bytes())];
    let found = match place.read(&name, ReadStep::OmapGet { keys })? {
        Ok(ReadResult::Omap(page)) => page.entries.into_iter().next(),
        Ok(_) => None,
        Err(error) => {
            return Err(refused(&format!("error getting omap value {shown}: {}", error.errno)));
        }
    };
    let Some((_, bytes)) = found else {
        // An answer to `rados`, not a complaint.
        console::print(&format!("No such key: {shown}\n"))?;
        return Err(Failure::Told(1));
    };
    match arguments.next_word() {
        None => console::print(&format!("{}\n", value(&bytes))),
        Some(path) => {
            console::complain(&format!("Writing to {path}"));
            std::fs::write(&path, &bytes).map_err(Failure::Output)
        }
    }
}
