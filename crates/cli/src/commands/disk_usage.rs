//! `rbd disk-usage`

use clap::Command;
use marcot_format::features::{Features, Flags};
use marcot_image::operation::disk_usage::has_fast_diff;
use marcot_image::operation::{self, Precision, Usage, UsageOptions};
use marcot_image::pool::directory;
use marcot_image::{Access, Header, Location};
use marcot_store::Errno;

use super::CommandDef;
use crate::args::options::{switch, text};
use crate::args::spec::{self, ImageSpec, SnapRule, Wanted};
use crate::args::{Arguments, options, size};
use crate::console::{self, complain};
use crate::exit::Failure;
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "disk-usage",
    alias: Some("du"),
    about: "Show how much of images and snapshots is used",
    define,
    run,
};

const FAILED: &str = "du failed";

fn define(command: Command) -> Command {
    options::format(options::image_or_snapshot(command)).args([
        text("from-snap", "count what changed since that snapshot"),
        switch("exact", "count changed ranges instead of whole objects (slow)"),
        switch("merge-snapshots", "one line for an image with its snapshots"),
    ])
}

/// Whether snapshots have lines of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    EachSnapshot,
    Merged,
}

struct Request {
    spec: ImageSpec,
    usage: UsageOptions,
    lines: Lines,
}

impl Request {
    fn parse(arguments: &Arguments) -> Result<Request, Failure> {
        let spec = spec::image(arguments, Wanted::existing(SnapRule::Allowed).optionally())?;
        let exact = arguments.flag("exact");
        Ok(Request {
            spec,
            usage: UsageOptions {
                precision: if exact { Precision::Exact } else { Precision::WholeObjects },
                from: arguments.text("from-snap"),
            },
            lines: match arguments.flag("merge-snapshots") {
                true => Lines::Merged,
                false => Lines::EachSnapshot,
            },
        })
    }
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let request = Request::parse(arguments)?;
    let style = options::style(arguments)?;
    let at = session.location(&request.spec.at)?;
    let report = gather(session, &at, &request)?;
    match style.format {
        Format::Plain if report.rows.is_empty() => Ok(()),
        Format::Plain => console::print(&report.plain()),
        Format::Json | Format::Xml => {
            let named = !request.spec.image.is_empty();
            console::print(&structured(style, "stats", &report.value(named)))
        }
    }
}

/// Lines of one or more images.
#[derive(Default)]
struct Report {
    rows: Vec<Row>,
    /// Images and snapshots that were counted, also where they share a line.
    counted: usize,
    provisioned: u64,
    used: u64,
}

struct Row {
    image: String,
    id: String,
    usage: Usage,
}

fn gather(session: &Session, at: &Location, request: &Request) -> Result<Report, Failure> {
    let mut report = Report::default();
    if !request.spec.image.is_empty() {
        let usages = of_image(session, at, &request.spec, request)?;
        report.add(usages, request.lines);
        return Ok(report);
    }
    let entries = session
        .wait(directory::list(session.client()?, at))
        .map_err(|error| Failure::refused(FAILED, &error))?;
    for entry in entries {
        let spec = ImageSpec { image: entry.name, ..request.spec.clone() };
        match of_image(session, at, &spec, request) {
            Ok(usages) => report.add(usages, request.lines),
            // Removed since it was listed.
            Err(failure) if failure.exit_code() == 2 => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(report)
}

fn of_image(
    session: &Session,
    at: &Location,
    spec: &ImageSpec,
    request: &Request,
) -> Result<Vec<Row>, Failure> {
    let not_found =
        |text: String| Failure::Bare { line: text, errno: Errno::NOENT }.followed_by(FAILED);
    let image = session.open_at(at, spec, Access::ReadOnly).map_err(|failure| match failure {
        Failure::Image { image, errno: Errno::NOENT } => {
            not_found(format!("specified image {image} is not found."))
        }
        Failure::Snapshot { .. } => not_found("specified snapshot is not found.".to_owned()),
        other => other,
    })?;
    let header = image.header();
    warn_if_slow(&header);
    let mut usages = session
        .wait(operation::disk_usage(&image, &request.usage))
        .map_err(|error| Failure::refused(FAILED, &error))?;
    if spec.snap.is_some() {
        usages.drain(..usages.len().saturating_sub(1));
    }
    let row = |usage| Row { image: header.name.to_string(), id: header.id.to_string(), usage };
    Ok(usages.into_iter().map(row).collect())
}

fn warn_if_slow(header: &Header) {
    if has_fast_diff(header) {
        return;
    }
    let invalid = Flags::OBJECT_MAP_INVALID | Flags::FAST_DIFF_INVALID;
    let kept = header.features.contains(Features::FAST_DIFF) && header.flags.intersects(invalid);
    let what = if kept { "invalid" } else { "not enabled" };
    complain(&format!(
        "warning: fast-diff map is {what} for {}. operation may be slow.",
        header.name
    ));
}

impl Report {
    fn add(&mut self, rows: Vec<Row>, lines: Lines) {
        self.counted += rows.len();
        self.used += rows.iter().map(|row| row.usage.used).sum::<u64>();
        let heads = rows.iter().filter(|row| row.usage.snapshot.is_none());
        self.provisioned += heads.map(|row| row.usage.provisioned).sum::<u64>();
        match lines {
            Lines::EachSnapshot => self.rows.extend(rows),
            Lines::Merged => self.rows.extend(merged(rows)),
        }
    }

    fn plain(&self) -> String {
        let mut table = Table::new(&[
            ("NAME", Align::Left, Align::Left),
            ("PROVISIONED", Align::Left, Align::Right),
            ("USED", Align::Left, Align::Right),
        ]);
        for Row { image, usage, .. } in &self.rows {
            let name = match &usage.snapshot {
                Some((_, snap)) => format!("{image}@{snap}"),
                None => image.clone(),
            };
            table.row([name, size::shown(usage.provisioned), size::shown(usage.used)]);
        }
        if self.counted > 1 {
            let (provisioned, used) = (size::shown(self.provisioned), size::shown(self.used));
            table.row(["<TOTAL>".to_owned(), provisioned, used]);
        }
        table.print()
    }

    fn value(&self, named: bool) -> Value {
        let images = Value::list("image", self.rows.iter().map(Row::value));
        let mut fields = vec![("images", images)];
        if !named {
            fields.push(("total_provisioned_size", Value::Number(self.provisioned)));
            fields.push(("total_used_size", Value::Number(self.used)));
        }
        Value::Object(fields)
    }
}

/// One row for an image and all of its snapshots.
fn merged(rows: Vec<Row>) -> Option<Row> {
    let used = rows.iter().map(|row| row.usage.used).sum();
    let last = rows.into_iter().next_back()?;
    Some(Row { usage: Usage { snapshot: None, used, ..last.usage }, ..last })
}

impl Row {
    fn value(&self) -> Value {
        let mut fields = vec![("name", Value::text(&self.image)), ("id", Value::text(&self.id))];
        if let Some((id, snap)) = &self.usage.snapshot {
            fields.push(("snapshot", Value::text(snap)));
            fields.push(("snapshot_id", Value::Number(id.0)));
        }
        fields.push(("provisioned_size", Value::Number(self.usage.provisioned)));
        fields.push(("used_size", Value::Number(self.usage.used)));
        Value::Object(fields)
    }
}
