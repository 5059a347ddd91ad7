//! `rados ls`

use clap::Command;
use marcot_store::{ListQuery, ObjectId};

use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "ls", alias: None, about: "List the objects of a pool", define, run };

/// Objects asked for at a time.
const PAGE: usize = 1000;

fn define(command: Command) -> Command {
    command.args([
        options::pool(),
        options::text("namespace", "namespace name").short('N'),
        options::switch("all", "all namespaces"),
        options::word("file", "where to write the list; - for standard output"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let Some(name) = arguments.text("pool") else {
        console::complain("either pool name or pg id needs to be specified");
        return Err(Failure::Told(1));
    };
    let Some(pool) = session.pools()?.into_iter().find(|pool| pool.name == name) else {
        console::complain(&format!("error opening pool {name}: {}", marcot_store::Errno::NOENT));
        return Err(Failure::Told(1));
    };
    let all = arguments.flag("all");
    let namespace = (!all).then(|| arguments.text("namespace").unwrap_or_default());
    let mut query = ListQuery { pool: pool.id, namespace, cursor: None, max: PAGE };
    loop {
        let page = session
            .wait(session.client()?.store.list_objects(query.clone()))
            .map_err(|error| Failure::verb("listing objects failed", error.errno))?;
        let show = |object: &ObjectId| match all {
            true => format!("{}\t{}\n", object.namespace, object.name),
            false => format!("{}\n", object.name),
        };
        console::print(&page.objects.iter().map(show).collect::<String>())?;
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return Ok(()),
        }
    }
}
