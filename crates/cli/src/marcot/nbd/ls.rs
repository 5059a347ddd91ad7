//! `marcot nbd ls`: what the store's host serves.

use marcot_host::jobs::JobRequest;

use super::job::LIST;
use super::running::{RunningExport, decode};
use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "nbd ls",
    alias: Some("nbd list"),
    about: "List the exports that the store's host serves",
    define: options::format,
    run,
};

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = options::style(arguments)?;
    let exports = running(session)?;
    match style.format {
        Format::Plain if exports.is_empty() => Ok(()),
        Format::Plain => console::print(&table(&exports)),
        Format::Json | Format::Xml => {
            let list = Value::list("export", exports.iter().map(value));
            console::print(&structured(style, "exports", &list))
        }
    }
}

/// No host, no exports: none is started to say so.
fn running(session: &Session) -> Result<Vec<RunningExport>, Failure> {
    let Some(remote) = session.connection()?.remote.clone() else {
        return Ok(Vec::new());
    };
    let request = JobRequest { kind: LIST.to_owned(), body: Default::default(), files: Vec::new() };
    let job = session
        .wait(remote.start_job(request))
        .map_err(|error| Failure::verb(error.context, error.errno))?;
    Ok(decode(&String::from_utf8_lossy(&job.started)))
}

fn table(exports: &[RunningExport]) -> String {
    let left = |name| (name, Align::Left, Align::Left);
    let mut table = Table::new(&[left("EXPORT"), left("ACCESS"), left("ADDRESS")]);
    for RunningExport { name, access, address } in exports {
        table.row([name.clone(), access.clone(), address.clone()]);
    }
    table.print()
}

fn value(export: &RunningExport) -> Value {
    Value::Object(vec![
        ("export", Value::text(&export.name)),
        ("access", Value::text(&export.access)),
        ("address", Value::text(&export.address)),
    ])
}
