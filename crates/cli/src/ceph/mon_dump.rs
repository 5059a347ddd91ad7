//! `ceph mon dump`: clients of the embedded store reach it at no address; those that ask (libvirt,
//! OpenStack) want the identity and the form.

use clap::Command;

use super::{format, print_json};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "mon dump", alias: None, about: "Show the monitors", define, run };

/// Where the one monitor that there seems to be would listen.
const ADDRESS: &str = "127.0.0.1:6789";

/// The same for the newer protocol.
const NEW_ADDRESS: &str = "127.0.0.1:3300";

fn define(command: Command) -> Command {
    format(command)
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = options::style(arguments)?;
    let fsid = session.status()?.fsid;
    let text = match style.format {
        Format::Plain => console::print(&format!(
            "epoch 1\nfsid {fsid}\nmin_mon_release 16 (pacific)\nelection_strategy: 1\n\
             0: [v2:{NEW_ADDRESS}/0,v1:{ADDRESS}/0] mon.a\n"
        )),
        Format::Json | Format::Xml => print_json(&structured(style, "monmap", &value(fsid))),
    };
    console::complain("dumped monmap epoch 1");
    text
}

fn value(fsid: String) -> Value {
    let address = |(kind, address)| {
        Value::Object(vec![
            ("type", Value::text(kind)),
            ("addr", Value::text(address)),
            ("nonce", Value::Number(0)),
        ])
    };
    let both = [("v2", NEW_ADDRESS), ("v1", ADDRESS)].map(address);
    let addresses = Value::Object(vec![("addrvec", Value::list("addr", both))]);
    let monitor = Value::Object(vec![
        ("rank", Value::Number(0)),
        ("name", Value::text("a")),
        ("public_addrs", addresses),
        ("addr", Value::text(format!("{ADDRESS}/0"))),
        ("public_addr", Value::text(format!("{ADDRESS}/0"))),
        ("priority", Value::Number(0)),
        ("weight", Value::Number(0)),
    ]);
    Value::Object(vec![
        ("epoch", Value::Number(1)),
        ("fsid", Value::Text(fsid)),
        ("min_mon_release", Value::Number(16)),
        ("min_mon_release_name", Value::text("pacific")),
        ("mons", Value::list("mon", [monitor])),
        ("quorum", Value::list("rank", [Value::Number(0)])),
    ])
}
