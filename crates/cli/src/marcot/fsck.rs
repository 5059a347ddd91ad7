//! `marcot fsck`: is the embedded store what it should be?

use clap::Command;
use marcot_connect::{CheckError, Depth, Report, check};
use marcot_store::Errno;

use crate::args::{Arguments, options};
use crate::commands::CommandDef;
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "fsck",
    alias: None,
    about: "Check an embedded store: references, space, and with --data every block",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::format(command).arg(options::switch("data", "read every block, too"))
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let style = options::style(arguments)?;
    let depth = if arguments.flag("data") { Depth::Data } else { Depth::Metadata };
    let report = check(&session.store_spec()?, depth).map_err(|error| failure(&error))?;
    match style.format {
        Format::Plain => console::print(&plain(&report))?,
        Format::Json | Format::Xml => {
            console::print(&structured(style, "fsck", &value(&report)))?;
        }
    }
    if report.is_clean() { Ok(()) } else { Err(Failure::Told(1)) }
}

fn failure(error: &CheckError) -> Failure {
    let errno = match error {
        CheckError::NoDirectory(_) => Errno::OPNOTSUPP,
        CheckError::Directory(error) => error.errno(),
        CheckError::Engine { error, .. } => error.errno(),
        CheckError::Busy { .. } => Errno::BUSY,
        CheckError::Host(error) => error.errno(),
        CheckError::Store(error) => error.errno,
    };
    Failure::Store { message: error.to_string(), errno }
}

fn plain(report: &Report) -> String {
    let mut text: String = report.problems.iter().map(|problem| format!("{problem}\n")).collect();
    let verdict = match report.problems.len() {
        0 => "clean".to_owned(),
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    text += &format!(
        "{} objects, {} clones of objects, {} blocks: {verdict}\n",
        report.objects, report.clones, report.blocks
    );
    text
}

fn value(report: &Report) -> Value {
    let problems = report.problems.iter().map(Value::text);
    Value::Object(vec![
        ("objects", Value::Number(report.objects)),
        ("clones", Value::Number(report.clones)),
        ("blocks", Value::Number(report.blocks)),
        ("clean", Value::Bool(report.is_clean())),
        ("problems", Value::list("problem", problems)),
    ])
}
