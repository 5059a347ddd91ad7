//! Comparing outcomes and contents up to times and random names.

use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_format::Utime;
use marcot_format::lock::LockInfo;
use marcot_format::snapshot::{Snapshot, SnapshotInfo, SnapshotNamespace};
use marcot_format::wire::{Decode, Encode};
use marcot_store::Errno;

use crate::object::Content;

pub(super) fn same_result(
    method: &str,
    ours: &Result<Bytes, Errno>,
    theirs: &Result<Bytes, Errno>,
) -> bool {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => timeless_result(method, ours) == timeless_result(method, theirs),
        (ours, theirs) => ours == theirs,
    }
}

fn timeless_result(method: &str, result: &Bytes) -> Bytes {
    if method.ends_with("_timestamp") {
        return Bytes::copy_from_slice(&vec![0; result.len()]);
    }
    match method {
        "snapshot_get" => {
            let mut info = SnapshotInfo::from_bytes(result).expect("the recording is whole");
            info.timestamp = Utime::default();
            if matches!(info.namespace, SnapshotNamespace::Trash { .. }) {
                info.name = hidden(&info.name);
            }
            info.to_bytes().into()
        }
        "get_snapshot_name" => {
            hidden(&String::from_bytes(result).expect("the recording is whole")).to_bytes().into()
        }
        "get_info" => timeless_lock(result),
        _ => result.clone(),
    }
}

pub(super) fn same_content(ours: Option<&Content>, theirs: Option<&Content>) -> bool {
    ours.map(timeless_content) == theirs.map(timeless_content)
}

fn timeless_content(content: &Content) -> Content {
    let omap = content.omap.iter();
    let omap: BTreeMap<Bytes, Bytes> =
        omap.map(|(key, value)| (key.clone(), timeless_value(key, value))).collect();
    let xattrs = content.xattrs.iter();
    let xattrs = xattrs.map(|(name, value)| (name.clone(), timeless_lock(value))).collect();
    Content { data: content.data.clone(), xattrs, omap }
}

fn timeless_value(key: &Bytes, value: &Bytes) -> Bytes {
    if key.ends_with(b"_timestamp") {
        return Bytes::copy_from_slice(&vec![0; value.len()]);
    }
    if !key.starts_with(b"snapshot_") || !value.starts_with(&[8, 8]) {
        return value.clone();
    }
    let Ok(mut snapshot) = Snapshot::from_bytes(value) else {
        return value.clone();
    };
    snapshot.timestamp = Utime::default();
    if matches!(snapshot.namespace, SnapshotNamespace::Trash { .. }) {
        snapshot.name = hidden(&snapshot.name);
    }
    snapshot.to_bytes().into()
}

/// Any name in the form of a UUID becomes the same.
fn hidden(name: &str) -> String {
    let parts: Vec<usize> = name.split('-').map(str::len).collect();
    if parts == [8, 4, 4, 4, 12] { "a UUID".to_owned() } else { name.to_owned() }
}

fn timeless_lock(value: &Bytes) -> Bytes {
    let Ok(mut info) = LockInfo::from_bytes(value) else {
        return value.clone();
    };
    for locker in info.lockers.values_mut() {
        if !locker.expiration.is_zero() {
            locker.expiration = Utime { seconds: 1, nanoseconds: 0 };
        }
    }
    info.to_bytes().into()
}
