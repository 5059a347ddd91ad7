//! Comparing outcomes and contents up to times and random names.

use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_format::Utime;
use marcot_format::lock::LockInfo;
use marcot_format::mirror::{
    MirrorImageSiteStatusOnDisk, MirrorPeer, PEER_PREFIX, REMOTE_STATUS_PREFIX, STATUS_PREFIX,
};
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
        omap.map(|(key, value)| (lasting_key(key), timeless_value(key, value))).collect();
    let xattrs = content.xattrs.iter();
    let xattrs = xattrs.map(|(name, value)| (name.clone(), timeless_lock(value))).collect();
    Content { data: content.data.clone(), xattrs, omap, seq: content.seq }
}

/// The key of a peer that the class made ends in a random UUID.
fn lasting_key(key: &Bytes) -> Bytes {
    let text = std::str::from_utf8(key).ok();
    match text.and_then(|text| text.strip_prefix(PEER_PREFIX)) {
        Some(uuid) => format!("{PEER_PREFIX}{}", hidden(uuid)).into(),
        None => key.clone(),
    }
}

fn timeless_peer(value: &Bytes) -> Bytes {
    let Ok(mut peer) = MirrorPeer::from_bytes(value) else {
        return value.clone();
    };
    peer.uuid = hidden(&peer.uuid);
    if !peer.last_seen.is_zero() {
        peer.last_seen = Utime { seconds: 1, nanoseconds: 0 };
    }
    peer.to_bytes().into()
}

fn timeless_status(value: &Bytes) -> Bytes {
    let Ok(mut stored) = MirrorImageSiteStatusOnDisk::from_bytes(value) else {
        return value.clone();
    };
    stored.status.last_update = Utime::default();
    stored.to_bytes().into()
}

fn timeless_value(key: &Bytes, value: &Bytes) -> Bytes {
    if key.ends_with(b"_timestamp") {
        return Bytes::copy_from_slice(&vec![0; value.len()]);
    }
    if key.starts_with(PEER_PREFIX.as_bytes()) {
        return timeless_peer(value);
    }
    if [STATUS_PREFIX, REMOTE_STATUS_PREFIX].iter().any(|prefix| key.starts_with(prefix.as_bytes()))
    {
        return timeless_status(value);
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
