//! Records that hold ids of pools, written for another store. Pure.
//!
//! All others stay as they are, byte for byte. The prefix of data objects in a data pool names the
//! metadata pool too, but as a mere name that the header repeats: it stays.

use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_format::children::{ChildImageSpec, ChildrenKey};
use marcot_format::group::{GroupImageSpec, GroupSnapshot, GroupSpec};
use marcot_format::header;
use marcot_format::journal;
use marcot_format::lock::{LockInfo, name_of_attribute};
use marcot_format::mgr::{MIRROR_SNAPSHOT_SCHEDULE, TRASH_PURGE_SCHEDULE};
use marcot_format::migration::MigrationSpec;
use marcot_format::object_name::{self, CHILDREN};
use marcot_format::parent::Parent;
use marcot_format::snapshot::{Snapshot, SnapshotNamespace};
use marcot_format::{Decode, DecodeError, Encode};
use marcot_store::ObjectId;

use super::failure::CopyPoolsError;

/// No pool at all, in records that may have none.
const NO_POOL: i64 = -1;

/// Ids of pools here to those there.
#[derive(Debug, Default)]
pub(super) struct PoolMap(BTreeMap<i64, i64>);

impl PoolMap {
    pub(super) fn new(pairs: impl IntoIterator<Item = (i64, i64)>) -> PoolMap {
        PoolMap(pairs.into_iter().collect())
    }

    /// The pool's id there.
    pub(super) fn id(&self, pool: i64) -> Option<i64> {
        self.0.get(&pool).copied()
    }
}

/// Asked for each pool that a record names: its id there.
pub(super) type Lookup<'a> = &'a mut dyn FnMut(i64) -> Option<i64>;

/// Why a record cannot be written for the other store.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Unknown(i64),
    Damaged(DecodeError),
}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Refused {
        Refused::Damaged(error)
    }
}

impl Refused {
    pub(super) fn on(self, object: &ObjectId) -> CopyPoolsError {
        let object = object.clone();
        match self {
            Refused::Unknown(pool) => CopyPoolsError::UnknownPool { object, pool },
            Refused::Damaged(error) => CopyPoolsError::Damaged { object, error },
        }
    }
}

fn moved(pool: &mut i64, lookup: Lookup<'_>) -> Result<(), Refused> {
    if *pool != NO_POOL {
        *pool = lookup(*pool).ok_or(Refused::Unknown(*pool))?;
    }
    Ok(())
}

/// The name of an object there.
pub(super) fn object_name(name: &str, lookup: Lookup<'_>) -> Result<String, Refused> {
    let entries = name.strip_prefix("journal_data.").and_then(|rest| rest.split_once('.'));
    let Some((Ok(mut pool), rest)) = entries.map(|(pool, rest)| (pool.parse::<i64>(), rest)) else {
        return Ok(name.to_owned());
    };
    moved(&mut pool, lookup)?;
    Ok(format!("journal_data.{pool}.{rest}"))
}

/// An attribute there. Nobody holds a lock on the copy.
pub(super) fn attribute(name: &str, value: Bytes) -> Result<Bytes, Refused> {
    if name_of_attribute(name).is_none() {
        return Ok(value);
    }
    let mut lock = LockInfo::from_bytes(&value)?;
    if lock.lockers.is_empty() {
        return Ok(value);
    }
    lock.lockers.clear();
    Ok(lock.to_bytes().into())
}

/// A pair of the omap of the object called `name`, as it is there.
pub(super) fn pair(
    name: &str,
    (key, value): (Bytes, Bytes),
    lookup: Lookup<'_>,
) -> Result<(Bytes, Bytes), Refused> {
    if name == CHILDREN {
        let mut parent = ChildrenKey::from_bytes(&key)?;
        moved(&mut parent.pool_id, lookup)?;
        return Ok((parent.to_bytes().into(), value));
    }
    let Ok(text) = std::str::from_utf8(&key) else { return Ok((key, value)) };
    if object_name::image_id_of_header(name).is_some() {
        let value = header_value(text, value, lookup)?;
        return Ok((key, value));
    }
    if name.starts_with("rbd_group_header.") {
        return group_pair(text, value, lookup);
    }
    if name.starts_with("journal.") && text == journal::POOL_ID {
        let mut pool = i64::from_bytes(&value)?;
        moved(&mut pool, lookup)?;
        return Ok((key, pool.to_bytes().into()));
    }
    if [MIRROR_SNAPSHOT_SCHEDULE, TRASH_PURGE_SCHEDULE].contains(&name) {
        let (pool, rest) = text.split_at(text.find('/').unwrap_or(text.len()));
        if let Ok(mut pool) = pool.parse::<i64>() {
            moved(&mut pool, lookup)?;
            return Ok((format!("{pool}{rest}").into(), value));
        }
    }
    Ok((key, value))
}

fn header_value(key: &str, value: Bytes, lookup: Lookup<'_>) -> Result<Bytes, Refused> {
    if key == header::PARENT {
        let mut parent = Parent::from_bytes(&value)?;
        moved(&mut parent.pool_id, lookup)?;
        return Ok(parent.to_bytes().into());
    }
    if key == header::DATA_POOL_ID {
        let mut pool = i64::from_bytes(&value)?;
        moved(&mut pool, lookup)?;
        return Ok(pool.to_bytes().into());
    }
    if key == header::GROUP_REF {
        let mut group = GroupSpec::from_bytes(&value)?;
        moved(&mut group.pool_id, lookup)?;
        return Ok(group.to_bytes().into());
    }
    if key == header::MIGRATION {
        let mut migration = MigrationSpec::from_bytes(&value)?;
        moved(&mut migration.pool_id, lookup)?;
        return Ok(migration.to_bytes().into());
    }
    if key.starts_with(header::SNAP_CHILDREN_PREFIX) {
        let children = std::collections::BTreeSet::<ChildImageSpec>::from_bytes(&value)?;
        let mut there = std::collections::BTreeSet::new();
        for mut child in children {
            moved(&mut child.pool_id, lookup)?;
            there.insert(child);
        }
        return Ok(there.to_bytes().into());
    }
    if key.starts_with(header::SNAPSHOT_PREFIX) {
        return snapshot(value, lookup);
    }
    Ok(value)
}

/// A snapshot of a group names the group's pool twice: in its namespace and in its name.
fn snapshot(value: Bytes, lookup: Lookup<'_>) -> Result<Bytes, Refused> {
    let mut snapshot = Snapshot::from_bytes(&value)?;
    let SnapshotNamespace::Group { pool_id, group_id, group_snap_id } = &mut snapshot.namespace
    else {
        return Ok(value);
    };
    let name = |pool_id: i64| {
        let group = GroupSpec { pool_id, group_id: group_id.clone() };
        GroupSnapshot::image_snapshot_name(&group, group_snap_id)
    };
    let named = snapshot.name == name(*pool_id);
    moved(pool_id, lookup)?;
    if named {
        snapshot.name = name(*pool_id);
    }
    Ok(snapshot.to_bytes().into())
}

fn group_pair(key: &str, value: Bytes, lookup: Lookup<'_>) -> Result<(Bytes, Bytes), Refused> {
    if let Some(mut image) = GroupImageSpec::from_key(key) {
        moved(&mut image.pool_id, lookup)?;
        return Ok((image.key().into(), value));
    }
    let own_key = Bytes::copy_from_slice(key.as_bytes());
    if !key.starts_with(GroupSnapshot::KEY_PREFIX) {
        return Ok((own_key, value));
    }
    let mut snapshot = GroupSnapshot::from_bytes(&value)?;
    for image in &mut snapshot.snapshots {
        moved(&mut image.pool_id, lookup)?;
    }
    Ok((own_key, snapshot.to_bytes().into()))
}

#[cfg(test)]
mod tests;
