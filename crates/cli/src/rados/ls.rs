//! `rados ls`

use clap::Command;
use marcot_store::{ListQuery, ObjectId};

use super::place::{self, refused};
use super::style;
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "ls", alias: None, about: "List the objects of a pool", define, run };

/// Objects asked for at a time.
const PAGE: usize = 1000;

fn define(command: Command) -> Command {
    place::place(command).args([
        options::switch("all", "all namespaces"),
        options::switch("default", "only what is in no namespace, whatever else is said"),
        options::word("file", "- for standard output"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = style::wanted(arguments)?;
    let Some(name) = arguments.text("pool") else {
        return Err(refused("either pool name or pg id needs to be specified"));
    };
    if arguments.next_word().is_some_and(|file| file != "-") {
        return Err(refused("Please use --output to specify the output file name"));
    }
    let Some(pool) = session.pools()?.into_iter().find(|pool| pool.name == name) else {
        return Err(refused(&format!("error opening pool {name}: {}", marcot_store::Errno::NOENT)));
    };
    let all = arguments.flag("all") && !arguments.flag("default");
    let namespace = (!all).then(|| match arguments.flag("default") {
        true => String::new(),
        false => arguments.text("namespace").unwrap_or_default(),
    });
    let query = ListQuery { pool: pool.id, namespace, cursor: None, max: PAGE };
    if style.format == Format::Plain {
        let show = |object: &ObjectId| match all {
            true => format!("{}\t{}\n", object.namespace, object.name),
            false => format!("{}\n", object.name),
        };
        return pages(session, query, |page| {
            console::print(&page.iter().map(show).collect::<String>())
        });
    }
    let mut objects = Vec::new();
    pages(session, query, |page| {
        objects.extend(page.iter().map(value));
        Ok(())
    })?;
    console::print(&structured(style, "objects", &Value::list("object", objects)))
}

fn value(object: &ObjectId) -> Value {
    Value::Object(vec![
        ("namespace", Value::text(&*object.namespace)),
        ("name", Value::text(&*object.name)),
    ])
}

/// Every page of what is asked for, in order.
fn pages(
    session: &Session,
    mut query: ListQuery,
    mut show: impl FnMut(&[ObjectId]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    loop {
        let page = session
            .wait(session.client()?.store.list_objects(query.clone()))
            .map_err(|error| Failure::verb("listing objects failed", error.errno))?;
        show(&page.objects)?;
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return Ok(()),
        }
    }
}
