//! `rbd info`

use std::fmt::Write as _;

use clap::Command;
use marcot_format::features::Features;
use marcot_format::mirror::MirrorImageState;
use marcot_format::snapshot::ProtectionStatus;
use marcot_image::operation::snapshot;
use marcot_image::pool::mirroring;
use marcot_image::{Access, Header, Image, ImageFormat};
use marcot_store::SnapId;

use super::CommandDef;
use crate::args::size;
use crate::args::spec::{SnapRule, Wanted};
use crate::args::{Arguments, options};
use crate::console;
use crate::exit::Failure;
use crate::lineage::ParentName;
use crate::membership::GroupName;
use crate::render::{Format, Value, structured};
use crate::session::Session;
use crate::time;

pub(crate) const COMMAND: CommandDef = CommandDef {
    name: "info",
    alias: None,
    about: "Show what an image or a snapshot is",
    define,
    run,
};

fn define(command: Command) -> Command {
    options::format(options::image_or_snapshot(command)).arg(options::image_id())
}

fn run(arguments: &Arguments, session: &Session) -> Result<(), Failure> {
    let target = options::target(arguments, Wanted::existing(SnapRule::Allowed))?;
    let style = options::style(arguments)?;
    let image = session.open_target(&target, Access::ReadOnly)?;
    let facts = Facts::gather(session, &image)?;
    let text = match style.format {
        Format::Plain => facts.plain(),
        Format::Json | Format::Xml => structured(style, "image", &facts.value()),
    };
    console::print(&text)
}

/// Everything that is shown.
struct Facts {
    header: std::sync::Arc<Header>,
    size: u64,
    /// Of the opened snapshot.
    protected: Option<bool>,
    limit: Option<u64>,
    parent: Option<(ParentName, u64)>,
    flags: Vec<&'static str>,
    group: Option<GroupName>,
    /// The name of the data pool, if there is one.
    data_pool: Option<String>,
    /// Of an image with a journal.
    mirroring: Option<&'static str>,
}

impl Facts {
    fn gather(session: &Session, image: &Image) -> Result<Facts, Failure> {
        let (header, view) = (image.header(), image.view());
        let limit = session
            .wait(snapshot::limit(image))
            .map_err(|error| Failure::refused("info", &error))?;
        let parent = match &header.parent {
            Some(link) if view.parent_overlap > 0 => {
                let name = session
                    .wait(ParentName::find(image.client(), &link.spec))
                    .map_err(|error| Failure::refused("info", &error))?;
                Some((name, view.parent_overlap))
            }
            _ => None,
        };
        let protected = (view.snap != SnapId::HEAD).then(|| {
            header
                .snapshot(view.snap)
                .is_some_and(|snap| snap.protection != ProtectionStatus::Unprotected)
        });
        Ok(Facts {
            data_pool: data_pool(session, &header)?,
            mirroring: mirroring(session, image, &header)?,
            size: view.size,
            protected,
            limit,
            parent,
            flags: view.flags.names().collect(),
            group: GroupName::of_image(session, image)?,
            header,
        })
    }

    fn objects(&self) -> u64 {
        self.header.object_count(self.size)
    }

    /// Those of groups and those in the trash count, too.
    fn snapshot_count(&self) -> u64 {
        self.header.snapshots.len() as u64
    }

    fn plain(&self) -> String {
        let header = &self.header;
        let order = header.striping.order();
        let names = |names: Vec<&str>| names.join(", ");
        let mut text = format!("rbd image '{}':\n", header.name);
        let mut line = |what: String| {
            let _ = writeln!(text, "\t{what}");
        };
        line(format!("size {} in {} objects", size::shown(self.size), self.objects()));
        let object_size = size::shown(header.striping.object_size());
        line(format!("order {order} ({object_size} objects)"));
        line(format!("snapshot_count: {}", self.snapshot_count()));
        if header.format == ImageFormat::V2 {
            line(format!("id: {}", header.id));
        }
        if let Some(pool) = &self.data_pool {
            line(format!("data_pool: {pool}"));
        }
        line(format!("block_name_prefix: {}", header.object_prefix));
        line(format!("format: {}", header.format.number()));
        if header.format == ImageFormat::V2 {
            line(format!("features: {}", names(header.features.names().collect())));
            line(format!("op_features: {}", names(header.op_features.names().collect())));
            line(format!("flags: {}", names(self.flags.clone())));
            if let Some(group) = &self.group {
                line(format!("group: {group}"));
            }
            line(format!("create_timestamp: {}", time::shown(header.created)));
            line(format!("access_timestamp: {}", time::shown(header.accessed)));
            line(format!("modify_timestamp: {}", time::shown(header.modified)));
        }
        if let Some(protected) = self.protected {
            line(format!("protected: {}", if protected { "True" } else { "False" }));
        }
        if let Some(limit) = self.limit {
            line(format!("snapshot_limit: {limit}"));
        }
        if let Some((parent, overlap)) = &self.parent {
            let trash =
                if parent.in_trash { format!(" (trash {})", parent.id) } else { String::new() };
            line(format!("parent: {parent}{trash}"));
            line(format!("overlap: {}", size::shown(*overlap)));
        }
        if header.features.contains(Features::STRIPING) {
            line(format!("stripe unit: {}", size::shown(header.striping.stripe_unit())));
            line(format!("stripe count: {}", header.striping.stripe_count()));
        }
        if let Some(mirroring) = self.mirroring {
            line(format!("journal: {}", header.id));
            line(format!("mirroring state: {mirroring}"));
        }
        text
    }

    fn value(&self) -> Value {
        let header = &self.header;
        let list = |item, names: Vec<&str>| Value::list(item, names.into_iter().map(Value::text));
        let mut fields = vec![
            ("name", Value::text(&*header.name)),
            ("id", Value::text(&*header.id)),
            ("size", Value::Number(self.size)),
            ("objects", Value::Number(self.objects())),
            ("order", Value::Number(u64::from(header.striping.order()))),
            ("object_size", Value::Number(header.striping.object_size())),
            ("snapshot_count", Value::Number(self.snapshot_count())),
        ];
        if let Some(pool) = &self.data_pool {
            fields.push(("data_pool", Value::text(pool)));
        }
        fields.extend([
            ("block_name_prefix", Value::text(&*header.object_prefix)),
            ("format", Value::Number(header.format.number())),
        ]);
        if header.format == ImageFormat::V2 {
            fields.extend([
                ("features", list("feature", header.features.names().collect())),
                ("op_features", list("op_feature", header.op_features.names().collect())),
                ("flags", list("flag", self.flags.clone())),
            ]);
            if let Some(group) = &self.group {
                fields.push(("group", Value::text(group.to_string())));
            }
            fields.extend([
                ("create_timestamp", Value::text(time::shown(header.created))),
                ("access_timestamp", Value::text(time::shown(header.accessed))),
                ("modify_timestamp", Value::text(time::shown(header.modified))),
            ]);
        }
        if let Some(protected) = self.protected {
            fields.push(("protected", Value::text(if protected { "true" } else { "false" })));
        }
        if let Some(limit) = self.limit {
            fields.push(("snapshot_limit", Value::Number(limit)));
        }
        if let Some((parent, overlap)) = &self.parent {
            fields.push(("parent", parent_value(parent, *overlap)));
        }
        if header.features.contains(Features::STRIPING) {
            fields.push(("stripe_unit", Value::Number(header.striping.stripe_unit())));
            fields.push(("stripe_count", Value::Number(header.striping.stripe_count())));
        }
        if let Some(mirroring) = self.mirroring {
            let state = vec![("mode", Value::text("journal")), ("state", Value::text(mirroring))];
            fields.push(("journal", Value::text(&*header.id)));
            fields.push(("mirroring", Value::Object(state)));
        }
        Value::Object(fields)
    }
}

fn data_pool(session: &Session, header: &Header) -> Result<Option<String>, Failure> {
    if !header.features.contains(Features::DATA_POOL) {
        return Ok(None);
    }
    let pools = session.pools()?.into_iter();
    let mut named = pools.filter(|pool| pool.id == header.data_pool).map(|pool| pool.name);
    let missing = || format!("<missing data pool {}>", header.data_pool.0);
    Ok(Some(named.next().unwrap_or_else(missing)))
}

/// Whether an image with a journal is mirrored.
fn mirroring(
    session: &Session,
    image: &Image,
    header: &Header,
) -> Result<Option<&'static str>, Failure> {
    if !header.features.contains(Features::JOURNALING) {
        return Ok(None);
    }
    let mirrored = session
        .wait(mirroring::of_image(image.client(), header))
        .map_err(|error| Failure::refused("info", &error))?;
    Ok(Some(match mirrored.map(|image| image.state) {
        None | Some(MirrorImageState::Disabled) => "disabled",
        Some(MirrorImageState::Disabling) => "disabling",
        Some(MirrorImageState::Enabled) => "enabled",
        Some(MirrorImageState::Creating) => "creating",
    }))
}

fn parent_value(parent: &ParentName, overlap: u64) -> Value {
    Value::Object(vec![
        ("pool", Value::text(&parent.pool)),
        ("pool_namespace", Value::text(&parent.namespace)),
        ("image", Value::text(&parent.image)),
        ("id", Value::text(&parent.id)),
        ("snapshot", Value::text(&parent.snapshot)),
        ("trash", Value::Bool(parent.in_trash)),
        ("overlap", Value::Number(overlap)),
    ])
}
