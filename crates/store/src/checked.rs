//! The border of every engine: a request is checked here once, whole, before anything happens.
//!
//! Behind [`Checked`] an engine may assert what this module has checked. The limits are those of
//! an OSD of 16.2 with its default settings. What only the state of the store can tell (does the
//! pool exist, is the client blocklisted) is the engine's to check.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{self, BoxFuture, FutureExt};

use crate::op::CopyupPiece;
use crate::ranges::RangeSet;
use crate::watch::{Acknowledgement, NotifyOutcome, Watch, Watcher};
use crate::{
    Capabilities, ClientAddress, ClientId, Cluster, ClusterChange, ClusterStatus, Errno, ListQuery,
    ObjectId, ObjectPage, Objects, PoolId, PoolInfo, ReadOp, ReadResult, ReadStep, Result, SnapId,
    SnapSet, Snapshots, Store, StoreError, Version, WatchHandle, Watches, WriteOp, WriteStep,
};

/// The largest object, in bytes (`osd_max_object_size`).
pub const MAX_OBJECT_SIZE: u64 = 128 << 20;
/// The longest name of an object or a config key, in bytes (`osd_max_object_name_len`).
pub const MAX_NAME_LENGTH: usize = 2048;
/// The longest namespace, in bytes (`osd_max_object_namespace_len`).
pub const MAX_NAMESPACE_LENGTH: usize = 256;
/// The longest name of an extended attribute, in bytes (`osd_max_attr_name_len`).
pub const MAX_XATTR_NAME_LENGTH: usize = 100;

/// `EFBIG` for a range that no object can hold.
pub fn extent(offset: u64, length: u64) -> Result<(), Errno> {
    match offset.checked_add(length) {
        Some(end) if end <= MAX_OBJECT_SIZE => Ok(()),
        _ => Err(Errno::FBIG),
    }
}

/// `EINVAL` for nothing at all, `EFBIG` for what no object can hold.
fn filled_extent(offset: u64, length: u64) -> Result<(), Errno> {
    if length == 0 { Err(Errno::INVAL) } else { extent(offset, length) }
}

fn name(name: &str, longest: usize) -> Result<(), Errno> {
    match name.len() {
        0 => Err(Errno::INVAL),
        length if length > longest => Err(Errno::NAMETOOLONG),
        _ => Ok(()),
    }
}

/// Checks the name of an object.
pub fn object(id: &ObjectId) -> Result<(), Errno> {
    name(&id.name, MAX_NAME_LENGTH)?;
    if id.namespace.len() > MAX_NAMESPACE_LENGTH { Err(Errno::NAMETOOLONG) } else { Ok(()) }
}

/// Checks a write operation on `id`.
pub fn write(id: &ObjectId, op: &WriteOp) -> Result<(), Errno> {
    let rolls_back = |step: &WriteStep| matches!(step, WriteStep::Rollback { .. });
    if !op.snap_context.is_valid() || op.snap_context.seq > SnapId::HEAD {
        return Err(Errno::INVAL);
    }
    if op.steps.len() > 1 && op.steps.iter().any(rolls_back) {
        return Err(Errno::INVAL);
    }
    op.steps.iter().try_for_each(|step| write_step(id, step))
}

fn write_step(id: &ObjectId, step: &WriteStep) -> Result<(), Errno> {
    match step {
        WriteStep::AssertExists
        | WriteStep::Create(_)
        | WriteStep::Remove
        | WriteStep::OmapSet { .. }
        | WriteStep::OmapRemove { .. }
        | WriteStep::OmapClear
        | WriteStep::SetAllocHint { .. } => Ok(()),
        WriteStep::Write { offset, data } | WriteStep::CompareExtent { offset, data } => {
            filled_extent(*offset, data.len() as u64)
        }
        // How far an append reaches is the engine's to check.
        WriteStep::WriteFull { data } | WriteStep::Append { data } => extent(0, data.len() as u64),
        WriteStep::WriteSame { offset, length, data } => {
            if data.is_empty() || length % data.len() as u64 != 0 {
                return Err(Errno::INVAL);
            }
            filled_extent(*offset, *length)
        }
        WriteStep::Zero { offset, length } => filled_extent(*offset, *length),
        WriteStep::Truncate { size } => extent(0, *size),
        WriteStep::SetXattr { name: xattr, .. } | WriteStep::RemoveXattr { name: xattr } => {
            name(xattr, MAX_XATTR_NAME_LENGTH)
        }
        WriteStep::Exec { class, method, .. } => {
            name(class, MAX_NAME_LENGTH)?;
            name(method, MAX_NAME_LENGTH)
        }
        WriteStep::Rollback { snap } => {
            if *snap < SnapId::HEAD {
                Ok(())
            } else {
                Err(Errno::INVAL)
            }
        }
        WriteStep::CopyupFrom { pieces, .. } => copyup(id, pieces),
    }
}

/// Pieces must be ranges of other objects and must not overlap in the target.
fn copyup(id: &ObjectId, pieces: &[CopyupPiece]) -> Result<(), Errno> {
    let mut target = RangeSet::new();
    for piece in pieces {
        object(&piece.source)?;
        if piece.source == *id {
            return Err(Errno::INVAL);
        }
        extent(piece.source_offset, piece.length)?;
        filled_extent(piece.offset, piece.length)?;
        let range = RangeSet::from_range(piece.offset, piece.length);
        if !target.intersection(&range).is_empty() {
            return Err(Errno::INVAL);
        }
        target.union(&range);
    }
    Ok(())
}

/// Checks a read operation. A range may reach beyond the end of any object: the answer is short.
pub fn read(op: &ReadOp) -> Result<(), Errno> {
    op.steps.iter().try_for_each(|step| match step {
        ReadStep::CompareExtent { offset, data } => filled_extent(*offset, data.len() as u64),
        ReadStep::GetXattr { name: xattr } => name(xattr, MAX_XATTR_NAME_LENGTH),
        ReadStep::Exec { class, method, .. } => {
            name(class, MAX_NAME_LENGTH)?;
            name(method, MAX_NAME_LENGTH)
        }
        _ => Ok(()),
    })
}

/// Checks a change of pools, config keys or blocklist.
pub fn change(change: &ClusterChange) -> Result<(), Errno> {
    match change {
        ClusterChange::CreatePool { name: pool } | ClusterChange::RemovePool { name: pool } => {
            name(pool, MAX_NAME_LENGTH)
        }
        ClusterChange::RenamePool { from, to } => {
            name(from, MAX_NAME_LENGTH)?;
            name(to, MAX_NAME_LENGTH)
        }
        ClusterChange::SetMinCompatClient { release } => name(release, MAX_NAME_LENGTH),
        ClusterChange::SetConfigKey { key, .. } | ClusterChange::RemoveConfigKey { key } => {
            name(key, MAX_NAME_LENGTH)
        }
        ClusterChange::AddBlocklist { address } | ClusterChange::RemoveBlocklist { address } => {
            name(&address.0, MAX_NAME_LENGTH)
        }
    }
}

/// An engine behind its border.
pub struct Checked<S: ?Sized> {
    engine: Arc<S>,
}

impl<S: ?Sized> Checked<S> {
    pub fn new(engine: Arc<S>) -> Checked<S> {
        Checked { engine }
    }
}

impl<S: ?Sized> std::fmt::Debug for Checked<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checked").finish_non_exhaustive()
    }
}

/// Sends a checked request on, or answers a bad one.
fn pass<'a, T: Send + 'a>(
    checked: Result<(), Errno>,
    context: impl FnOnce() -> String,
    go: impl FnOnce() -> BoxFuture<'a, Result<T>>,
) -> BoxFuture<'a, Result<T>> {
    match checked {
        Ok(()) => go(),
        Err(errno) => future::ready(Err(StoreError::new(errno, context()))).boxed(),
    }
}

impl<S: Store + ?Sized> Objects for Checked<S> {
    fn read(
        &self,
        id: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'_, Result<Vec<ReadResult>>> {
        let checked = object(id).and_then(|()| read(&op));
        pass(checked, || format!("read {id}"), || self.engine.read(id, snap, op))
    }

    fn write(&self, id: &ObjectId, op: WriteOp) -> BoxFuture<'_, Result<Version>> {
        let checked = object(id).and_then(|()| write(id, &op));
        pass(checked, || format!("write {id}"), || self.engine.write(id, op))
    }

    fn flush(&self) -> BoxFuture<'_, Result<()>> {
        self.engine.flush()
    }

    fn list_objects(&self, query: ListQuery) -> BoxFuture<'_, Result<ObjectPage>> {
        self.engine.list_objects(query)
    }

    fn list_snaps(&self, id: &ObjectId) -> BoxFuture<'_, Result<SnapSet>> {
        pass(object(id), || format!("list snapshots of {id}"), || self.engine.list_snaps(id))
    }
}

impl<S: Store + ?Sized> Snapshots for Checked<S> {
    fn create_snap_id(&self, pool: PoolId) -> BoxFuture<'_, Result<SnapId>> {
        self.engine.create_snap_id(pool)
    }

    fn remove_snap_id(&self, pool: PoolId, snap: SnapId) -> BoxFuture<'_, Result<()>> {
        self.engine.remove_snap_id(pool, snap)
    }
}

impl<S: Store + ?Sized> Watches for Checked<S> {
    fn watch(&self, id: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        pass(object(id), || format!("watch {id}"), || self.engine.watch(id))
    }

    fn unwatch(&self, id: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        pass(object(id), || format!("unwatch {id}"), || self.engine.unwatch(id, handle))
    }

    fn notify(
        &self,
        id: &ObjectId,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<NotifyOutcome>> {
        let go = || self.engine.notify(id, payload, timeout);
        pass(object(id), || format!("notify {id}"), go)
    }

    fn acknowledge(&self, ack: Acknowledgement) -> BoxFuture<'_, Result<()>> {
        self.engine.acknowledge(ack)
    }

    fn list_watchers(&self, id: &ObjectId) -> BoxFuture<'_, Result<Vec<Watcher>>> {
        pass(object(id), || format!("list watchers of {id}"), || self.engine.list_watchers(id))
    }
}

impl<S: Store + ?Sized> Cluster for Checked<S> {
    fn list_pools(&self) -> BoxFuture<'_, Result<Vec<PoolInfo>>> {
        self.engine.list_pools()
    }

    fn find_pool(&self, name: &str) -> BoxFuture<'_, Result<Option<PoolId>>> {
        self.engine.find_pool(name)
    }

    fn min_compat_client(&self) -> BoxFuture<'_, Result<String>> {
        self.engine.min_compat_client()
    }

    fn administer(&self, change: ClusterChange) -> BoxFuture<'_, Result<()>> {
        let checked = self::change(&change);
        pass(checked, || "change the store".to_owned(), || self.engine.administer(change))
    }

    fn config_key(&self, key: &str) -> BoxFuture<'_, Result<Bytes>> {
        let checked = name(key, MAX_NAME_LENGTH);
        pass(checked, || format!("read config key {key:?}"), || self.engine.config_key(key))
    }

    fn list_config_keys(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.engine.list_config_keys()
    }

    fn configured(&self, option: &str) -> Option<String> {
        self.engine.configured(option)
    }

    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus>> {
        self.engine.status()
    }
}

impl<S: Store + ?Sized> Store for Checked<S> {
    fn client_id(&self) -> ClientId {
        self.engine.client_id()
    }

    fn client_address(&self) -> ClientAddress {
        self.engine.client_address()
    }

    fn capabilities(&self) -> Capabilities {
        self.engine.capabilities()
    }
}
