//! `rbd list`

use clap::{Arg, ArgAction, Command};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use marcot_format::snapshot::ProtectionStatus;
use marcot_image::operation::snapshot::{self, Scope};
use marcot_image::pool::directory;
use marcot_image::{Access, Header, Image, ImageFormat, Location, OpenOptions, SnapView};
use marcot_store::SnapId;

use super::CommandDef;
use crate::args::{Arguments, options, size, spec};
use crate::console;
use crate::exit::Failure;
use crate::lineage::{LineageError, ParentName};
use crate::render::table::{Align, Table};
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef =
    CommandDef { name: "list", alias: Some("ls"), about: "List the images of a pool", define, run };

fn define(command: Command) -> Command {
    options::format(options::place(command).arg(options::pool_spec())).arg(
        Arg::new("long")
            .long("long")
            .short('l')
            .action(ArgAction::SetTrue)
            .help("with sizes, snapshots and parents"),
    )
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let at = spec::pool(arguments)?;
    let style = options::style(arguments)?;
    let failed = |failure: Failure| failure.followed_by("listing images failed");
    let location = session.location(&at).map_err(failed)?;
    let entries = session
        .wait(directory::list(session.client()?, &location))
        .map_err(|error| Failure::refused("listing images failed", &error))?;
    let names: Vec<String> = entries.into_iter().map(|entry| entry.name).collect();
    if arguments.flag("long") {
        let rows = long(session, &location, &names)?;
        return match style.format {
            Format::Plain if rows.is_empty() => Ok(()),
            Format::Plain => console::print(&table(&rows)),
            Format::Json | Format::Xml => {
                let list = rows.iter().map(|row| (row.kind(), row.value())).collect();
                console::print(&structured(style, "images", &Value::List(list)))
            }
        };
    }
    match style.format {
        Format::Plain => {
            console::print(&names.iter().map(|name| format!("{name}\n")).collect::<String>())
        }
        Format::Json | Format::Xml => {
            let list = Value::list("name", names.into_iter().map(Value::Text));
            console::print(&structured(style, "images", &list))
        }
    }
}

/// An image or a snapshot of one.
struct Row {
    image: String,
    id: String,
    snap: Option<(String, SnapId, bool)>,
    size: u64,
    format: ImageFormat,
    parent: Option<ParentName>,
    lock: Option<Lock>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    Exclusive,
    Shared,
}

/// Rows of all images, many looked at at once, in the order of their names.
fn long(session: &Session, at: &Location, names: &[String]) -> Result<Vec<Row>, Failure> {
    let client = session.client()?;
    let at_once = client.config.concurrent_management_ops.max(1);
    let looks = names.iter().map(|name| async move {
        let options = OpenOptions::name(name, Access::ReadOnly);
        match Image::open(client, at, options).await {
            Ok(image) => rows(&image).await,
            // Removed since it was listed, or damaged: the others are shown nevertheless.
            Err(error) => {
                session.warn(&format!("error opening {name}: {}", error.errno()));
                Ok(Vec::new())
            }
        }
    });
    let found: Result<Vec<Vec<Row>>, LineageError> =
        session.wait(stream::iter(looks).buffered(at_once).try_collect());
    let found = found.map_err(|error| Failure::refused("listing images failed", &error))?;
    Ok(found.into_iter().flatten().collect())
}

/// The image's own row, then one for each snapshot.
async fn rows(image: &Image) -> Result<Vec<Row>, LineageError> {
    let header = image.header();
    let parent = match &header.parent {
        Some(link) => Some(ParentName::find(image.client(), &link.spec).await?),
        None => None,
    };
    let row = |view: SnapView| Row {
        image: header.name.to_string(),
        id: header.id.to_string(),
        snap: None,
        size: view.size,
        format: header.format,
        parent: parent.clone().filter(|_| view.parent_overlap > 0),
        lock: None,
    };
    let mut rows = vec![Row { lock: lock(&header), ..row(image.view()) }];
    for snap in snapshot::list(&header, Scope::User) {
        let Some(view) = header.view(snap.id) else { continue };
        let protected = snap.protection != ProtectionStatus::Unprotected;
        rows.push(Row { snap: Some((snap.name.clone(), snap.id, protected)), ..row(view) });
    }
    Ok(rows)
}

fn lock(header: &Header) -> Option<Lock> {
    use marcot_format::lock::LockKind;
    match header.lock.kind {
        _ if header.lock.lockers.is_empty() => None,
        LockKind::Shared => Some(Lock::Shared),
        LockKind::None | LockKind::Exclusive | LockKind::ExclusiveEphemeral => {
            Some(Lock::Exclusive)
        }
    }
}

impl Row {
    /// The name of its element in XML.
    fn kind(&self) -> &'static str {
        if self.snap.is_some() { "snapshot" } else { "image" }
    }

    fn value(&self) -> Value {
        let mut fields = vec![("image", Value::text(&self.image)), ("id", Value::text(&self.id))];
        if let Some((name, id, _)) = &self.snap {
            fields.push(("snapshot", Value::text(name)));
            fields.push(("snapshot_id", Value::Number(id.0)));
        }
        fields.push(("size", Value::Number(self.size)));
        if let Some(parent) = &self.parent {
            let parent = vec![
                ("pool", Value::text(&parent.pool)),
                ("pool_namespace", Value::text(&parent.namespace)),
                ("image", Value::text(&parent.image)),
                ("snapshot", Value::text(&parent.snapshot)),
            ];
            fields.push(("parent", Value::Object(parent)));
        }
        fields.push(("format", Value::Number(self.format.number())));
        if let Some((_, _, protected)) = &self.snap {
            fields.push(("protected", Value::text(if *protected { "true" } else { "false" })));
        }
        if let Some(lock) = self.lock {
            let name = if lock == Lock::Exclusive { "exclusive" } else { "shared" };
            fields.push(("lock_type", Value::text(name)));
        }
        Value::Object(fields)
    }

    fn cells(&self) -> [String; 6] {
        let (name, protected) = match &self.snap {
            Some((snap, _, protected)) => (format!("{}@{snap}", self.image), *protected),
            None => (self.image.clone(), false),
        };
        let lock = match self.lock {
            Some(Lock::Exclusive) => "excl",
            Some(Lock::Shared) => "shr",
            None => "",
        };
        [
            name,
            size::shown(self.size),
            self.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
            self.format.number().to_string(),
            if protected { "yes" } else { "" }.to_owned(),
            lock.to_owned(),
        ]
    }
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new(&[
        ("NAME", Align::Left, Align::Left),
        ("SIZE", Align::Left, Align::Right),
        ("PARENT", Align::Left, Align::Left),
        ("FMT", Align::Left, Align::Right),
        ("PROT", Align::Left, Align::Left),
        ("LOCK", Align::Left, Align::Left),
    ]);
    rows.iter().for_each(|row| table.row(row.cells()));
    table.print()
}
