//! `ceph osd set-require-min-compat-client`, `osd get-require-min-compat-client`, and what users
//! look up in `osd dump`.

use clap::Command;
use marcot_store::release::{self, PACIFIC};
use marcot_store::{ClusterChange, Errno};

use super::{change, refusal, required};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const SET: CommandDef = CommandDef {
    name: "osd set-require-min-compat-client",
    alias: None,
    about: "Say which clients need not be served any more",
    define,
    run: set,
};

pub(crate) const GET: CommandDef = CommandDef {
    name: "osd get-require-min-compat-client",
    alias: None,
    about: "Show the oldest client that is served",
    define: |command| command,
    run: get,
};

pub(crate) const DUMP: CommandDef = CommandDef {
    name: "osd dump",
    alias: None,
    about: "Show identity, oldest client and pools",
    define: |command| command,
    run: dump,
};

fn define(command: Command) -> Command {
    command.args([
        options::word("release", "name of a release of Ceph: luminous, mimic …"),
        options::switch("yes-i-really-mean-it", "although older clients are connected"),
    ])
}

fn set(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let release = required(arguments, "version")?;
    if release::number(&release).is_none_or(|number| number > PACIFIC) {
        return Err(refusal(Errno::INVAL, &format!("version {release} is not recognized")));
    }
    let changed = ClusterChange::SetMinCompatClient { release: release.clone() };
    change(session, changed)?.map_err(|error| refusal(error.errno, &error.context))?;
    console::complain(&format!("set require_min_compat_client to {release}"));
    Ok(())
}

fn get(_arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    console::print(&format!("{}\n", session.status()?.min_compat_client))
}

fn dump(_arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let status = session.status()?;
    let mut text =
        format!("fsid {}\nrequire_min_compat_client {}\n", status.fsid, status.min_compat_client);
    for pool in session.pools()? {
        text.push_str(&format!(
            "pool {} '{}' replicated size 1 min_size 1\n",
            pool.id.0, pool.name
        ));
    }
    console::print(&text)
}
