//! Everything a pool holds, as lines that can be compared: ids and times normalised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bytes::Bytes;
use marcot_format::Utime;
use marcot_format::parent::Parent;
use marcot_format::snapshot::Snapshot;
use marcot_format::wire::{Decode, Encode};
use marcot_store::{ListQuery, ObjectId, PoolId, ReadOp, ReadResult, ReadStep, SnapId, Store};
use pollster::block_on;

use super::side::Opened;

/// One line for each object's existence and data, each attribute, and each key with its value.
pub(crate) fn dump(opened: &Opened) -> BTreeSet<String> {
    let (store, pool) = (opened.store(), opened.pool());
    let names = image_names(&*store, pool);
    let query = ListQuery { pool, namespace: None, cursor: None, max: 1 << 20 };
    let listed = block_on(store.list_objects(query)).expect("list");
    let mut lines = BTreeSet::new();
    for object in listed.objects {
        let name = names.iter().fold(object.name.to_string(), |name, (id, image)| {
            name.replace(id.as_str(), &format!("<{image}>"))
        });
        lines.insert(format!("{name}: {}", data(&*store, &object, &names)));
        for (key, value) in xattrs(&*store, &object) {
            lines.insert(format!("{name} xattr {key} = {}", shown(&names, &value)));
        }
        for (key, value) in omap(&*store, &object) {
            let value = comparable(&key, &value);
            lines.insert(format!("{name} {} = {}", shown(&names, &key), shown(&names, &value)));
        }
    }
    lines
}

/// Image id → name.
fn image_names(store: &dyn Store, pool: PoolId) -> BTreeMap<String, String> {
    let directory = ObjectId::new(pool, "", "rbd_directory");
    let mut names = BTreeMap::new();
    for (key, value) in omap(store, &directory) {
        let key = String::from_utf8_lossy(&key).into_owned();
        if let (Some(id), Ok(name)) = (key.strip_prefix("id_"), String::from_bytes(&value)) {
            names.insert(id.to_owned(), name);
        }
    }
    names
}

/// A value without what must differ: times become zero (whether there is one stays to be seen).
fn comparable(key: &[u8], value: &Bytes) -> Bytes {
    if key.ends_with(b"_timestamp") {
        return Bytes::from(vec![0; value.len()]);
    }
    if key.starts_with(b"snapshot_")
        && let Ok(mut snapshot) = Snapshot::from_bytes(value)
    {
        snapshot.timestamp =
            Utime { seconds: u32::from(!snapshot.timestamp.is_zero()), nanoseconds: 0 };
        return Bytes::from(snapshot.to_bytes());
    }
    if key == b"parent"
        && let Ok(parent) = Parent::from_bytes(value)
    {
        // The record's length has the id's in it, and ids differ in length.
        let padded = format!("{:_<16}", parent.image_id);
        return Bytes::from(Parent { image_id: padded, ..parent }.to_bytes());
    }
    value.clone()
}

/// Bytes as text where they are text, ids by the image's name, with the length before them.
fn shown(names: &BTreeMap<String, String>, bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        if byte.is_ascii_graphic() && *byte != b'\\' {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "\\{byte:02x}");
        }
    }
    for (id, image) in names {
        let length = |id: &str| {
            shown(&BTreeMap::new(), &u32::try_from(id.len()).expect("short").to_le_bytes())
        };
        for prefix in ["", "rbd_data."] {
            let full = format!("{prefix}{id}");
            text =
                text.replace(&format!("{}{full}", length(&full)), &format!("({prefix}<{image}>)"));
        }
        let padded = format!("{id:_<16}");
        text = text.replace(&padded, &format!("<{image}>"));
        text = text.replace(id.as_str(), &format!("<{image}>"));
    }
    text
}

/// Trailing zeros are not compared: object sizes after copyup differ between Ceph clusters too.
fn data(store: &dyn Store, object: &ObjectId, names: &BTreeMap<String, String>) -> String {
    let whole = ReadStep::Read { offset: 0, length: 64 << 20 };
    let results = block_on(store.read(object, SnapId::HEAD, ReadOp::single(whole)));
    let Ok([ReadResult::Data(bytes)]) = results.as_deref() else {
        return "only snapshots are left".to_owned();
    };
    if object.name.starts_with("rbd_id.") {
        return shown(names, bytes);
    }
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let sum = bytes[..end].iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{end} bytes {sum:016x}")
}

fn xattrs(store: &dyn Store, object: &ObjectId) -> Vec<(String, Bytes)> {
    match block_on(store.read(object, SnapId::HEAD, ReadOp::single(ReadStep::GetXattrs))).as_deref()
    {
        Ok([ReadResult::Xattrs(xattrs)]) => xattrs.clone(),
        _ => Vec::new(),
    }
}

/// Objects with many keys are not made by these scripts: one page is all.
fn omap(store: &dyn Store, object: &ObjectId) -> Vec<(Bytes, Bytes)> {
    let all = ReadStep::OmapList { after: None, prefix: Bytes::new(), max: 1000 };
    match block_on(store.read(object, SnapId::HEAD, ReadOp::single(all))).as_deref() {
        Ok([ReadResult::Omap(page)]) => page.entries.clone(),
        _ => Vec::new(),
    }
}
