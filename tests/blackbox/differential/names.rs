//! What must differ between two stores that did the same, and its common name.
//!
//! * Ids of images, groups and group snapshots are drawn at random. Each is replaced by where the
//!   thing is and how it is called: the directories, trashes and group headers of the dump itself
//!   say so. An id that no directory knows stays as it is, and so shows as a difference: nothing
//!   may be left of what was removed.
//! * Snapshot ids count all snapshots that a pool has ever had. Each is replaced by the name of
//!   the snapshot in the header of its image, and by `gone` when no snapshot has it any more.
//!   (The order of snapshots is that of their ids on both sides, since lines are in that order.)
//! * Times become whether there is one. A client's number, address and watch cookie become words.

use std::collections::BTreeMap;

use marcot_format::NO_SNAP;
use marcot_format::group::GroupSnapshot;
use marcot_format::header;
use marcot_format::object_name;
use marcot_format::snapshot::{Snapshot, SnapshotNamespace};
use marcot_format::trash::TrashImageSpec;
use marcot_format::wire::Decode;

use super::dump::Object;
use super::record;

/// The names of one side's ids.
#[derive(Default)]
pub(crate) struct Names {
    /// Id of an image, group or group snapshot → name.
    ids: BTreeMap<String, String>,
    /// Image and snapshot id → name.
    snapshots: BTreeMap<(String, u64), String>,
}

impl Names {
    pub(crate) fn of(objects: &[Object]) -> Names {
        let mut names = Names::default();
        for object in objects {
            names.learn_ids(object);
        }
        for object in objects {
            names.learn_snapshots(object);
            names.learn_format_1(object);
        }
        names
    }

    fn learn_ids(&mut self, object: &Object) {
        let at = &object.id.namespace;
        for (key, value) in &object.omap {
            let key = String::from_utf8_lossy(key).into_owned();
            let learned = match (&*object.id.name, key.split_once('_')) {
                (object_name::DIRECTORY, Some(("id", id))) => {
                    String::from_bytes(value).ok().map(|name| (id, format!("<{at}/{name}>")))
                }
                (object_name::TRASH, Some(("id", id))) => TrashImageSpec::from_bytes(value)
                    .ok()
                    .map(|spec| (id, format!("<{at}/trash:{}>", spec.name))),
                (object_name::GROUP_DIRECTORY, Some(("id", id))) => {
                    String::from_bytes(value).ok().map(|name| (id, format!("<{at}/group:{name}>")))
                }
                (name, Some(("snapshot", id))) if name.starts_with("rbd_group_header.") => {
                    GroupSnapshot::from_bytes(value)
                        .ok()
                        .map(|snapshot| (id, format!("<group snapshot:{}>", snapshot.name)))
                }
                _ => None,
            };
            if let Some((id, name)) = learned {
                self.ids.insert(id.to_owned(), name);
            }
        }
    }

    fn learn_snapshots(&mut self, object: &Object) {
        let Some(image) = object_name::image_id_of_header(&object.id.name) else { return };
        for (key, value) in &object.omap {
            if key.starts_with(header::SNAPSHOT_PREFIX.as_bytes())
                && let Ok(snapshot) = Snapshot::from_bytes(value)
            {
                let name = match &snapshot.namespace {
                    SnapshotNamespace::Trash { original_name, .. } => {
                        format!("trash:{}", self.text(original_name))
                    }
                    _ => self.text(&snapshot.name),
                };
                self.snapshots.insert((image.to_owned(), snapshot.id), name);
            }
        }
    }

    /// A header of format 1 says what its data objects are called, and has its snapshots within.
    fn learn_format_1(&mut self, object: &Object) {
        let Some(header) = record::format_1(object) else { return };
        let name = &object.id.name;
        self.ids.insert(header.block_name, format!("<data of {name}>"));
        for snapshot in header.snapshots {
            self.snapshots.insert((name.to_string(), snapshot.id), snapshot.name);
        }
    }

    /// Text with its ids replaced.
    pub(crate) fn text(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (id, name)| text.replace(id.as_str(), name))
    }

    /// A snapshot of an image.
    pub(crate) fn snapshot(&self, image: &str, id: u64) -> String {
        match id {
            0 | NO_SNAP => "none".to_owned(),
            _ => self
                .snapshots
                .get(&(image.to_owned(), id))
                .map_or_else(|| "gone".to_owned(), |name| format!("@{name}")),
        }
    }

    /// An object's name.
    pub(crate) fn object(&self, name: &str) -> String {
        let map = name.strip_prefix("rbd_object_map.").and_then(|rest| rest.split_once('.'));
        if let Some((image, snap)) = map
            && let Ok(snap) = u64::from_str_radix(snap, 16)
        {
            return format!("rbd_object_map.{}{}", self.text(image), self.snapshot(image, snap));
        }
        self.text(name)
    }
}
