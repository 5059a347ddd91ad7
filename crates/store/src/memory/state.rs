//! Everything the cluster holds, behind one mutex, never held across an await.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::object::Object;
use crate::class::Classes;
use crate::watch::WatchTable;
use crate::{
    ClientAddress, ClientId, Errno, ObjectId, PoolId, Result, SnapId, StoreError, Version,
};

use super::MemoryOptions;

/// Namespace and name.
pub(super) type Name = (Arc<str>, Arc<str>);

pub(super) struct State {
    pub(super) options: MemoryOptions,
    pub(super) classes: Arc<dyn Classes>,
    pub(super) pools: BTreeMap<PoolId, Pool>,
    pub(super) next_pool: i64,
    pub(super) config_keys: BTreeMap<String, Bytes>,
    pub(super) min_compat_client: String,
    pub(super) blocklist: BTreeSet<ClientAddress>,
    pub(super) killed: BTreeSet<ClientId>,
    pub(super) watches: WatchTable,
    pub(super) version: u64,
    pub(super) next_client: u64,
}

pub(super) struct Pool {
    pub(super) name: String,
    pub(super) objects: BTreeMap<Name, Object>,
    pub(super) snap_seq: SnapId,
    /// Grows for ever: a context that still names an old snapshot must make no clone for it.
    pub(super) removed_snaps: BTreeSet<SnapId>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) client: ClientId,
    pub(super) address: ClientAddress,
}

impl State {
    /// Refuses a blocklisted client (`ESHUTDOWN`) and a dead one (`ENOTCONN`).
    pub(super) fn admit(&self, who: &Identity) -> Result<(), Errno> {
        if self.blocklist.contains(&who.address) {
            return Err(Errno::BLOCKLISTED);
        }
        if self.killed.contains(&who.client) { Err(Errno::NOTCONN) } else { Ok(()) }
    }

    pub(super) fn pool(&self, id: PoolId) -> Result<&Pool, Errno> {
        self.pools.get(&id).ok_or(Errno::NOENT)
    }

    pub(super) fn pool_mut(&mut self, id: PoolId) -> Result<&mut Pool, Errno> {
        self.pools.get_mut(&id).ok_or(Errno::NOENT)
    }

    pub(super) fn object(&self, id: &ObjectId) -> Result<&Object, Errno> {
        self.pool(id.pool)?.objects.get(&name_of(id)).ok_or(Errno::NOENT)
    }

    pub(super) fn next_version(&mut self) -> Version {
        self.version += 1;
        Version(self.version)
    }

    /// A new snapshot id of `pool`.
    pub(super) fn create_snap_id(&mut self, pool: PoolId) -> Result<SnapId, Errno> {
        let pool = self.pool_mut(pool)?;
        pool.snap_seq.0 += 1;
        Ok(pool.snap_seq)
    }

    /// `ENOENT` for an id that was never given; twice is no error.
    pub(super) fn remove_snap_id(&mut self, pool: PoolId, snap: SnapId) -> Result<(), Errno> {
        let pool = self.pool_mut(pool)?;
        if snap > pool.snap_seq || snap == SnapId(0) {
            return Err(Errno::NOENT);
        }
        if pool.removed_snaps.insert(snap) {
            let removed = &pool.removed_snaps;
            pool.objects.retain(|_, object| !object.trim(|snap| removed.contains(&snap)));
        }
        Ok(())
    }

    /// `ENOENT` unless the object exists now.
    pub(super) fn head_exists(&self, id: &ObjectId) -> Result<(), Errno> {
        self.object(id)?.head.as_ref().map(|_| ()).ok_or(Errno::NOENT)
    }
}

impl Pool {
    pub(super) fn new(name: String, last_used_snap: SnapId) -> Pool {
        Pool {
            name,
            objects: BTreeMap::new(),
            snap_seq: last_used_snap,
            removed_snaps: BTreeSet::new(),
        }
    }
}

pub(super) fn name_of(id: &ObjectId) -> Name {
    (id.namespace.clone(), id.name.clone())
}

/// Gives an errno its words.
pub(super) fn failed(verb: &str, object: &ObjectId) -> impl Fn(Errno) -> StoreError {
    move |errno| StoreError::new(errno, format!("{verb} {object}"))
}
