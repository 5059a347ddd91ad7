//! `ceph config-key get|set|ls|rm|exists`

use std::io::Read;

use clap::Command;
use marcot_store::{ClusterChange, Errno};

use super::{change, format, print_json, refusal, required};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Style, Value, structured};
use crate::session::Session;

pub(crate) const GET: CommandDef = CommandDef {
    name: "config-key get",
    alias: None,
    about: "Show the value of a key",
    define: define_key,
    run: get,
};

pub(crate) const SET: CommandDef = CommandDef {
    name: "config-key set",
    alias: Some("config-key put"),
    about: "Set the value of a key",
    define: define_set,
    run: set,
};

pub(crate) const LIST: CommandDef = CommandDef {
    name: "config-key ls",
    alias: Some("config-key list"),
    about: "List keys",
    define: format,
    run: list,
};

pub(crate) const REMOVE: CommandDef = CommandDef {
    name: "config-key rm",
    alias: Some("config-key del"),
    about: "Remove a key",
    define: define_key,
    run: remove,
};

pub(crate) const EXISTS: CommandDef = CommandDef {
    name: "config-key exists",
    alias: None,
    about: "Say whether a key is there",
    define: define_key,
    run: exists,
};

/// Longest value, as Ceph has it.
const LONGEST_VALUE: u64 = 65_536;

fn define_key(command: Command) -> Command {
    command.arg(options::word("key", "the key"))
}

fn define_set(command: Command) -> Command {
    define_key(command).args([
        options::word("value", "the value"),
        options::text("in-file", "file with the value; - for standard input").short('i'),
    ])
}

fn get(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let key = required(arguments, "key")?;
    let value = session
        .wait(session.client()?.store.config_key(&key))
        .map_err(|error| refusal(error.errno, ""))?;
    console::print_bytes(&value)?;
    if value.ends_with(b"\n") { Ok(()) } else { console::print("\n") }
}

fn set(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let key = required(arguments, "key")?;
    let value = match (arguments.text("in-file"), arguments.next_word()) {
        (Some(path), _) => read(&path).map_err(Failure::Output)?,
        (None, Some(word)) => word.into_bytes(),
        (None, None) => Vec::new(),
    };
    if value.len() as u64 > LONGEST_VALUE {
        let text = format!("error: value is too long; max is {LONGEST_VALUE} bytes");
        return Err(refusal(Errno::FBIG, &text));
    }
    let changed = ClusterChange::SetConfigKey { key: key.clone(), value: value.into() };
    change(session, changed)?.map_err(|error| refusal(error.errno, &error.context))?;
    console::complain(&format!("set {key}"));
    Ok(())
}

fn read(path: &str) -> std::io::Result<Vec<u8>> {
    let mut value = Vec::new();
    if path == "-" {
        std::io::stdin().lock().take(LONGEST_VALUE + 1).read_to_end(&mut value)?;
    } else {
        std::fs::File::open(path)?.take(LONGEST_VALUE + 1).read_to_end(&mut value)?;
    }
    Ok(value)
}

fn list(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = options::style(arguments)?;
    let keys = session
        .wait(session.client()?.store.list_config_keys())
        .map_err(|error| refusal(error.errno, &error.context))?;
    let list = Value::list("key", keys.into_iter().map(Value::Text));
    match style.format {
        Format::Plain => {
            let style = Style { format: Format::Json, pretty: true };
            console::print(&structured(style, "keys", &list))
        }
        Format::Json | Format::Xml => print_json(&structured(style, "keys", &list)),
    }
}

fn remove(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let key = required(arguments, "key")?;
    match change(session, ClusterChange::RemoveConfigKey { key })? {
        Err(error) if error.errno != Errno::NOENT => Err(refusal(error.errno, &error.context)),
        _ => {
            console::complain("key deleted");
            Ok(())
        }
    }
}

fn exists(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let key = required(arguments, "key")?;
    match session.wait(session.client()?.store.config_key(&key)) {
        Ok(_) => {
            console::complain(&format!("key '{key}' exists"));
            Ok(())
        }
        Err(error) => Err(refusal(error.errno, &format!("key '{key}' doesn't exist"))),
    }
}
