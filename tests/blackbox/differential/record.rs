//! What objects keep, in words, with ids, times and addresses replaced by [`Names`].
//!
//! A stored record is decoded and shown as text only if encoding it again gives the same bytes:
//! so equal text means equal bytes, but for what is replaced.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write as _};

use marcot_format::children::{ChildImageSpec, ChildrenKey};
use marcot_format::format_1::{Format1Directory, Format1Header};
use marcot_format::group::{GroupImageState, GroupSnapshot, GroupSpec};
use marcot_format::header;
use marcot_format::lock::{LockInfo, LockerId};
use marcot_format::object_map::ObjectMap;
use marcot_format::object_name;
use marcot_format::parent::Parent;
use marcot_format::snapshot::{Snapshot, SnapshotNamespace};
use marcot_format::trash::TrashImageSpec;
use marcot_format::wire::{Decode, Encode};
use marcot_format::{Utime, entity::EntityName};

use super::dump::Object;
use super::names::Names;

/// An object's data. Trailing zeros are not compared: the sizes of objects after a copyup differ
/// between Ceph clusters too.
pub(crate) fn data(object: &Object, names: &Names) -> String {
    let name = &*object.id.name;
    if name.starts_with("rbd_id.") {
        return exact::<String>(&object.data, |id| names.text(&id));
    }
    if name.starts_with("rbd_object_map.") {
        return exact::<ObjectMap>(&object.data, |map| {
            map.iter().map(|state| char::from(b'0' + state as u8)).collect()
        });
    }
    if let Some(header) = format_1(object) {
        let shown = |id| names.snapshot(name, id);
        let snapshots: Vec<String> = header
            .snapshots
            .iter()
            .map(|snap| format!("{} of {} bytes", shown(snap.id), snap.size))
            .collect();
        let (prefix, newest) = (names.text(&header.block_name), shown(header.snap_seq));
        let rest = Format1Header { block_name: prefix, snap_seq: 0, snapshots: vec![], ..header };
        return format!("{rest:?} newest {newest} {snapshots:?}");
    }
    if name == object_name::DIRECTORY && !object.data.is_empty() {
        return exact::<Format1Directory>(&object.data, |directory| format!("{directory:?}"));
    }
    let end = object.data.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let sum = object.data[..end].iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{end} bytes {sum:016x}")
}

/// The object as a header of format 1, if it is one and its bytes are as they should be.
pub(crate) fn format_1(object: &Object) -> Option<Format1Header> {
    object.id.name.strip_suffix(".rbd")?;
    let header = Format1Header::from_bytes(&object.data).ok()?;
    (header.to_bytes() == object.data).then_some(header)
}

/// The object map of a snapshot.
pub(crate) struct SnapshotMap {
    pub(crate) image: String,
    pub(crate) snap: u64,
    pub(crate) states: ObjectMap,
}

/// The object as the map of a snapshot, if it is one and its bytes are as they should be.
pub(crate) fn snapshot_map(object: &Object) -> Option<SnapshotMap> {
    let (image, snap) = object.id.name.strip_prefix("rbd_object_map.")?.split_once('.')?;
    let snap = u64::from_str_radix(snap, 16).ok()?;
    let states = ObjectMap::from_bytes(&object.data).ok()?;
    let exact = states.to_bytes() == object.data;
    exact.then(|| SnapshotMap { image: image.to_owned(), snap, states })
}

/// How a lock is shown that nobody holds.
pub(crate) const FREE: &str = "held by nobody";

/// An attribute.
pub(crate) fn xattr(key: &str, value: &[u8]) -> String {
    if !key.starts_with("lock.") {
        return printable(value);
    }
    exact::<LockInfo>(value, |lock| {
        let mut text = format!("{:?} tag {:?}", lock.kind, lock.tag);
        if lock.lockers.is_empty() {
            text = format!("{text} {FREE}");
        }
        for (LockerId { locker, cookie }, info) in lock.lockers {
            // The clients' numbers and addresses; and a cookie that librbd makes of its watch.
            let who = if locker == EntityName::client(locker.client_number().unwrap_or(0)) {
                "client"
            } else {
                "somebody"
            };
            let cookie = if cookie.starts_with("auto ") { "auto" } else { &cookie };
            let _ = write!(
                text,
                ", {who} {cookie:?} {:?} expires {}",
                info.description,
                time(info.expiration)
            );
        }
        text
    })
}

/// A key of an omap with its value.
pub(crate) fn pair(object: &Object, key: &[u8], value: &[u8], names: &Names) -> (String, String) {
    let object_name = &*object.id.name;
    if object_name == object_name::CHILDREN {
        let shown = exact::<ChildrenKey>(key, |key| {
            let snap = names.snapshot(&key.image_id, key.snap_id);
            format!("pool {} {}{snap}", key.pool_id, names.text(&key.image_id))
        });
        return (shown, exact::<BTreeSet<String>>(value, |ids| sorted(ids, names)));
    }
    let key = String::from_utf8_lossy(key).into_owned();
    let format_1 = object_name.ends_with(".rbd").then_some(object_name);
    if let Some(image) = object_name::image_id_of_header(object_name).or(format_1) {
        return header_pair(image, &key, value, names);
    }
    let shown = match (object_name, key.split_once('_')) {
        (object_name::DIRECTORY | object_name::GROUP_DIRECTORY, Some(("name" | "id", _))) => {
            exact::<String>(value, |name| names.text(&name))
        }
        (object_name::TRASH, _) => exact::<TrashImageSpec>(value, |spec| {
            let times = (time(spec.deletion_time), time(spec.deferment_end_time));
            format!("{:?} {:?} {:?} {times:?}", spec.source, spec.name, spec.state)
        }),
        (name, Some(("snapshot", _))) if name.starts_with("rbd_group_header.") => {
            exact::<GroupSnapshot>(value, |snapshot| group_snapshot(&snapshot, names))
        }
        (name, Some(("image", _))) if name.starts_with("rbd_group_header.") => {
            exact::<GroupImageState>(value, |state| format!("{state:?}"))
        }
        _ => names.text(&printable(value)),
    };
    (names.text(&key), shown)
}

fn header_pair(image: &str, key: &str, value: &[u8], names: &Names) -> (String, String) {
    let snap_of = |prefix: &str| {
        let digits = key.strip_prefix(prefix)?;
        u64::from_str_radix(digits, 16).ok().map(|id| names.snapshot(image, id))
    };
    if let Some(snap) = snap_of(header::SNAPSHOT_PREFIX) {
        let shown = exact::<Snapshot>(value, |snapshot| show_snapshot(image, snapshot, names));
        return (format!("snapshot {snap}"), shown);
    }
    if let Some(snap) = snap_of(header::SNAP_CHILDREN_PREFIX) {
        let children = exact::<BTreeSet<ChildImageSpec>>(value, |children| sorted(children, names));
        return (format!("children of {snap}"), children);
    }
    let shown = match key {
        header::SNAP_SEQ => exact::<u64>(value, |seq| names.snapshot(image, seq)),
        header::PARENT => exact::<Parent>(value, |parent| {
            let snap = names.snapshot(&parent.image_id, parent.snap_id);
            names.text(&format!("{snap} {:?}", Parent { snap_id: 0, ..parent }))
        }),
        header::OBJECT_PREFIX => exact::<String>(value, |prefix| names.text(&prefix)),
        header::GROUP_REF => exact::<GroupSpec>(value, |spec| names.text(&format!("{spec:?}"))),
        key if key.ends_with("_timestamp") => exact::<Utime>(value, |at| time(at).to_owned()),
        _ => printable(value),
    };
    (key.to_owned(), shown)
}

fn show_snapshot(image: &str, snapshot: Snapshot, names: &Names) -> String {
    let at = time(snapshot.timestamp);
    let id = names.snapshot(image, snapshot.id);
    let name = match snapshot.namespace {
        // A random one.
        SnapshotNamespace::Trash { .. } => "UUID".to_owned(),
        _ => snapshot.name.clone(),
    };
    let rest = Snapshot { id: 0, name, timestamp: Utime::default(), ..snapshot };
    format!("{id} {at} {}", names.text(&format!("{rest:?}")))
}

fn group_snapshot(snapshot: &GroupSnapshot, names: &Names) -> String {
    let mut images: Vec<String> = snapshot
        .snapshots
        .iter()
        .map(|spec| {
            let snap = names.snapshot(&spec.image_id, spec.snap_id);
            format!("pool {} {}{snap}", spec.pool_id, names.text(&spec.image_id))
        })
        .collect();
    // In the order of the images' ids.
    images.sort();
    format!("{:?} {:?} {images:?}", snapshot.name, snapshot.state)
}

/// In the order of the names: sets are kept in the order of ids.
fn sorted<T: Debug>(set: BTreeSet<T>, names: &Names) -> String {
    let mut items: Vec<String> = set.iter().map(|item| names.text(&format!("{item:?}"))).collect();
    items.sort();
    items.join(", ")
}

fn time(at: Utime) -> &'static str {
    if at.is_zero() { "no time" } else { "some time" }
}

/// Shows a record if encoding it again gives the same bytes, and the bytes if not.
fn exact<T: Decode + Encode>(bytes: &[u8], show: impl FnOnce(T) -> String) -> String {
    match T::from_bytes(bytes) {
        Ok(value) if value.to_bytes() == bytes => show(value),
        _ => format!("not a canonical {}: {}", T::RECORD, printable(bytes)),
    }
}

/// Bytes as text where they are text.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        if byte.is_ascii_graphic() && *byte != b'\\' {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "\\{byte:02x}");
        }
    }
    text
}
