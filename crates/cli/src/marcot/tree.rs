//! `marcot tree`: which image came from which snapshot, with sizes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use clap::Command;
use marcot_format::snapshot::{ProtectionStatus, SnapshotNamespace};
use marcot_image::pool::{directory, namespace};
use marcot_image::{Access, Header, Image, ImageFormat, Location, OpenOptions, Snapshot};
use marcot_store::PoolInfo;

use crate::args::spec::PoolSpec;
use crate::args::{Arguments, options, size, spec};
use crate::commands::CommandDef;
use crate::console::{self, complain};
use crate::exit::Failure;
use crate::session::Session;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "tree",
    alias: None,
    about: "Draw images, snapshots and clones as the tree that they are",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::place(command).arg(options::pool_spec())
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let at = spec::pool(arguments)?;
    let forest = Forest::gather(session)?;
    let only = match at {
        PoolSpec { pool: None, namespace } if namespace.is_empty() => None,
        named => Some(session.location(&named)?),
    };
    console::print(&forest.draw(only.as_ref()))
}

/// Pool, namespace and id: what a link to a parent names.
type Key = (i64, String, String);

/// All images of a store.
struct Forest {
    images: BTreeMap<Key, Planted>,
    /// Clones by parent and snapshot.
    clones: BTreeMap<(Key, u64), Vec<Key>>,
}

struct Planted {
    /// `pool/[namespace/]image`
    name: String,
    location: Location,
    header: Arc<Header>,
}

impl Forest {
    fn gather(session: &Session) -> Result<Forest, Failure> {
        let mut forest = Forest { images: BTreeMap::new(), clones: BTreeMap::new() };
        for pool in session.pools()? {
            for location in places(session, &pool)? {
                forest.add_images(session, &pool, &location)?;
            }
        }
        Ok(forest)
    }

    fn add_images(
        &mut self,
        session: &Session,
        pool: &PoolInfo,
        at: &Location,
    ) -> Result<(), Failure> {
        let client = session.client()?;
        let failed = |error| Failure::refused("listing images failed", &error);
        for entry in session.wait(directory::list(client, at)).map_err(failed)? {
            let options = OpenOptions::key(entry.key(), Access::ReadOnly);
            match session.wait(Image::open(client, at, options)) {
                Ok(image) => self.plant(pool, at, image.header()),
                // Removed since it was listed, or damaged: the others are drawn nevertheless.
                Err(error) => complain(&format!("marcot: {}: {error}", entry.name)),
            }
        }
        Ok(())
    }

    fn plant(&mut self, pool: &PoolInfo, at: &Location, header: Arc<Header>) {
        let own = match header.format {
            // No parent either: nothing but this header leads there.
            ImageFormat::V1 => header.object().name.to_string(),
            ImageFormat::V2 => header.id.to_string(),
        };
        let key = (pool.id.0, at.namespace.to_string(), own);
        if let Some(parent) = &header.parent {
            let link = &parent.spec;
            let parent = (link.pool_id, link.pool_namespace.clone(), link.image_id.clone());
            self.clones.entry((parent, link.snap_id)).or_default().push(key.clone());
        }
        let name = match &*at.namespace {
            "" => format!("{}/{}", pool.name, header.name),
            namespace => format!("{}/{namespace}/{}", pool.name, header.name),
        };
        self.images.insert(key, Planted { name, location: at.clone(), header });
    }

    /// The trees whose roots are at that place, or all.
    fn draw(&self, only: Option<&Location>) -> String {
        let mut roots: Vec<(&Key, &Planted)> = self
            .images
            .iter()
            .filter(|(_, image)| only.is_none_or(|place| image.location == *place))
            .filter(|(_, image)| only.is_some() || !self.has_parent_here(&image.header))
            .collect();
        roots.sort_by(|one, other| one.1.name.cmp(&other.1.name));
        let mut drawing = Drawing { forest: self, text: String::new() };
        for (key, image) in roots {
            drawing.image(key, image, "", "");
        }
        drawing.text
    }

    fn has_parent_here(&self, header: &Header) -> bool {
        header.parent.as_ref().is_some_and(|parent| {
            let link = &parent.spec;
            let key = (link.pool_id, link.pool_namespace.clone(), link.image_id.clone());
            self.images.contains_key(&key)
        })
    }
}

/// The default namespace of a pool and all others.
fn places(session: &Session, pool: &PoolInfo) -> Result<Vec<Location>, Failure> {
    let client = session.client()?;
    let names = session
        .wait(namespace::list(client, pool.id))
        .map_err(|error| Failure::refused("listing namespaces failed", &error))?;
    let all = std::iter::once(String::new()).chain(names);
    Ok(all.map(|name| Location::new(pool.id, name)).collect())
}

struct Drawing<'a> {
    forest: &'a Forest,
    text: String,
}

impl Drawing<'_> {
    fn image(&mut self, key: &Key, image: &Planted, first: &str, rest: &str) {
        let header = &image.header;
        let _ = writeln!(self.text, "{first}{}  {}", image.name, size::shown(header.size));
        let shown: Vec<&Snapshot> =
            header.snapshots.iter().rev().filter(|snap| is_shown(snap)).collect();
        for (at, snap) in shown.iter().enumerate() {
            let (branch, below) = branches(at + 1 == shown.len());
            let _ = writeln!(
                self.text,
                "{rest}{branch}@{}  {}{}",
                snapshot_name(snap),
                size::shown(snap.size),
                remark(snap)
            );
            self.clones(key, snap, &format!("{rest}{below}"));
        }
    }

    fn clones(&mut self, parent: &Key, snap: &Snapshot, rest: &str) {
        let forest = self.forest;
        let Some(keys) = forest.clones.get(&(parent.clone(), snap.id.0)) else { return };
        let mut clones: Vec<(&Key, &Planted)> =
            keys.iter().filter_map(|key| Some((key, forest.images.get(key)?))).collect();
        clones.sort_by(|one, other| one.1.name.cmp(&other.1.name));
        for (at, (key, image)) in clones.iter().enumerate() {
            let (branch, below) = branches(at + 1 == clones.len());
            self.image(key, image, &format!("{rest}{branch}"), &format!("{rest}{below}"));
        }
    }
}

fn branches(last: bool) -> (&'static str, &'static str) {
    if last { ("└── ", "    ") } else { ("├── ", "│   ") }
}

fn is_shown(snap: &Snapshot) -> bool {
    matches!(snap.namespace, SnapshotNamespace::User | SnapshotNamespace::Trash { .. })
}

fn snapshot_name(snap: &Snapshot) -> &str {
    match &snap.namespace {
        SnapshotNamespace::Trash { original_name, .. } => original_name,
        _ => &snap.name,
    }
}

fn remark(snap: &Snapshot) -> &'static str {
    match (&snap.namespace, snap.protection) {
        (SnapshotNamespace::Trash { .. }, _) => "  removed",
        (_, ProtectionStatus::Unprotected) => "",
        (_, ProtectionStatus::Protected | ProtectionStatus::Unprotecting) => "  protected",
    }
}
