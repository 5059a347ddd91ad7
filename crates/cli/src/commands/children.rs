//! `rbd children`

use clap::{Arg, ArgAction, Command};
use marcot_image::operation::{self, Child};
use marcot_image::{Access, Image, ImageKey, OpenOptions, SnapKey};
use marcot_store::Errno;

use super::CommandDef;
use crate::args::spec::{self, ImageSpec, SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::console;
use crate::exit::Failure;
use crate::render::{Format, Value, structured};
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "children",
    alias: None,
    about: "List the clones of an image or of one of its snapshots",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::format(options::image_or_snapshot(command)).args([
        options::snap_id(),
        Arg::new("all")
            .long("all")
            .short('a')
            .action(ArgAction::SetTrue)
            .help("those in the trash too"),
        options::switch("descendants", "clones of clones too"),
    ])
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let spec = spec::image(arguments, Wanted::existing(SnapRule::Allowed))?;
    let style = options::style(arguments)?;
    let trash = if arguments.flag("all") { Trash::Shown } else { Trash::Hidden };
    let image = open(arguments, &spec, session)?;
    let mut children = list(session, &image)?;
    if arguments.flag("descendants") {
        add_descendants(session, &mut children)?;
    }
    children.retain(|child| trash == Trash::Shown || !child.in_trash);
    let text = match style.format {
        Format::Plain => children.iter().map(plain).collect(),
        Format::Json | Format::Xml => {
            let list = Value::list("child", children.iter().map(|child| value(child, trash)));
            structured(style, "children", &list)
        }
    };
    console::print(&text)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trash {
    Shown,
    Hidden,
}

/// The named snapshot, or the head, which stands for all snapshots.
fn open(
    arguments: &Arguments,
    spec: &ImageSpec,
    session: &Session,
) -> Result<std::sync::Arc<Image>, Failure> {
    let snap = match options::snap_number(arguments, spec)? {
        Some(id) => SnapKey::Id(id),
        None => spec.snap.clone().map_or(SnapKey::Head, SnapKey::Name),
    };
    let at = session.location(&spec.at)?;
    let key = ImageKey::Name(spec.image.clone());
    session.open_key(&at, key, snap, Access::ReadOnly).map_err(|failure| match failure {
        Failure::Snapshot { .. } => Failure::line("snapshot does not exist.", Errno::NOENT),
        other => other,
    })
}

fn list(session: &Session, image: &Image) -> Result<Vec<Child>, Failure> {
    session
        .wait(operation::children(image))
        .map_err(|error| Failure::refused("listing children failed", &error))
}

/// Adds the clones of what is listed, and theirs.
fn add_descendants(session: &Session, found: &mut Vec<Child>) -> Result<(), Failure> {
    let mut next = 0;
    while let Some(child) = found.get(next) {
        next += 1;
        let options = OpenOptions::id(&*child.id, Access::ReadOnly);
        let opened = session.wait(Image::open(session.client()?, &child.location, options));
        // A clone that went meanwhile has no clones.
        if let Ok(image) = opened {
            found.extend(list(session, &image)?);
        }
    }
    let order = |child: &Child| (child.spec(), child.id.clone());
    found.sort_by_key(order);
    found.dedup();
    Ok(())
}

fn plain(child: &Child) -> String {
    match child.in_trash {
        true => format!("{} (trash {})\n", child.spec(), child.id),
        false => format!("{}\n", child.spec()),
    }
}

fn value(child: &Child, trash: Trash) -> Value {
    let mut fields = vec![
        ("pool", Value::text(&child.pool_name)),
        ("pool_namespace", Value::text(&*child.location.namespace)),
        ("image", Value::text(&child.name)),
    ];
    if trash == Trash::Shown {
        fields.push(("id", Value::text(&child.id)));
        fields.push(("trash", Value::Bool(child.in_trash)));
    }
    Value::Object(fields)
}
