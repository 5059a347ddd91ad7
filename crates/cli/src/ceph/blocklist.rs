//! `ceph osd blocklist add|ls|rm`

use clap::Command;
use marcot_store::{ClientAddress, ClusterChange, Errno};

use super::{change, format, print_json, refusal, required};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const ADD: CommandDef = CommandDef {
    name: "osd blocklist add",
    alias: Some("osd blacklist add"),
    about: "Refuse every later operation of a client",
    define,
    run: add,
};

pub(crate) const LIST: CommandDef = CommandDef {
    name: "osd blocklist ls",
    alias: Some("osd blacklist ls"),
    about: "List refused clients",
    define: format,
    run: list,
};

pub(crate) const REMOVE: CommandDef = CommandDef {
    name: "osd blocklist rm",
    alias: Some("osd blacklist rm"),
    about: "Let a client work again",
    define,
    run: remove,
};

fn define(command: Command) -> Command {
    command.args([
        options::word("address", "address of the client, as rbd status shows it"),
        options::word("seconds", "for how long, which only a cluster counts"),
    ])
}

fn address(arguments: &Arguments) -> Result<ClientAddress, Failure> {
    let text = required(arguments, "addr(<EntityAddr>)")?;
    let is_address = text.split_once('/').is_some_and(|(host, nonce)| {
        host.contains(':') && nonce.bytes().all(|byte| byte.is_ascii_digit())
    });
    if is_address {
        return Ok(ClientAddress(text));
    }
    Err(refusal(Errno::INVAL, &format!("unable to parse address {text}")))
}

fn add(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let address = address(arguments)?;
    let added = ClusterChange::AddBlocklist { address: address.clone() };
    change(session, added)?.map_err(|error| refusal(error.errno, &error.context))?;
    console::complain(&format!("blocklisting {address} until it is removed from the list"));
    Ok(())
}

fn remove(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let address = address(arguments)?;
    let text = match change(session, ClusterChange::RemoveBlocklist { address: address.clone() })? {
        Ok(()) => format!("un-blocklisting {address}"),
        Err(error) if error.errno == Errno::NOENT => format!("{address} isn't blocklisted"),
        Err(error) => return Err(refusal(error.errno, &error.context)),
    };
    console::complain(&text);
    Ok(())
}

fn list(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = options::style(arguments)?;
    let listed = session.status()?.blocklist;
    match style.format {
        Format::Plain => {
            let lines = listed.iter().map(|address| format!("{address}\n"));
            console::print(&lines.collect::<String>())?;
        }
        Format::Json | Format::Xml => {
            let entry = |address: &ClientAddress| {
                Value::Object(vec![("addr", Value::text(address.to_string()))])
            };
            let list = Value::list("entry", listed.iter().map(entry));
            print_json(&structured(style, "blocklist", &list))?;
        }
    }
    console::complain(&format!("listed {} entries", listed.len()));
    Ok(())
}
