//! Pools, config keys, blocklist, sessions: small enough to be held and stored whole.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use marcot_store::change::Before;
use marcot_store::ranges::RangeSet;
use marcot_store::session::{Answer, ProcessMark};
use marcot_store::{ClientAddress, ClientId, ObjectId, PoolId, SnapId, WatchHandle};

/// One pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pool {
    pub name: String,
    /// Heads in it.
    pub objects: u64,
    /// Blocks of heads and clones, shared ones counted for each.
    pub stored_blocks: u64,
    /// The newest snapshot id given out.
    pub snap_seq: SnapId,
    /// Snapshot ids that were taken back.
    pub removed: RangeSet,
}

/// The last snapshot id of a pool that Ceph has validated for RBD, before any image has one.
const SNAPS_OF_VALIDATION: SnapId = SnapId(3);

impl Pool {
    pub(crate) fn new(name: String) -> Pool {
        Pool { name, snap_seq: SNAPS_OF_VALIDATION, ..Pool::default() }
    }

    pub(crate) fn is_removed(&self, snap: SnapId) -> bool {
        let ranges = self.removed.as_slice();
        let after = ranges.partition_point(|(first, _)| *first <= snap.0);
        let before = after.checked_sub(1).and_then(|index| ranges.get(index));
        before.is_some_and(|(first, count)| snap.0 - first < *count)
    }
}

/// A client that outlives the process that serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionState {
    pub process: ProcessMark,
    /// Answers that the client may still ask for again.
    pub answers: BTreeMap<u64, Answer>,
    pub watches: BTreeMap<WatchHandle, ObjectId>,
}

/// Everything small.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub pools: BTreeMap<PoolId, Pool>,
    pub next_pool: i64,
    /// Client ids below may have been given out.
    pub client_limit: u64,
    pub min_compat_client: String,
    pub config: BTreeMap<String, Bytes>,
    pub blocklist: BTreeSet<String>,
    /// Removed snapshots whose clones are still there.
    pub trims: BTreeSet<(PoolId, SnapId)>,
    /// Removed pools whose objects are still there.
    pub purges: BTreeSet<PoolId>,
    pub sessions: BTreeMap<ClientId, SessionState>,
}

/// The first client of a new store is `client.4100`, about where a fresh Ceph cluster stands.
const FIRST_CLIENT: u64 = 4100;

impl Default for Cluster {
    fn default() -> Cluster {
        Cluster {
            pools: BTreeMap::new(),
            next_pool: 1,
            client_limit: FIRST_CLIENT,
            min_compat_client: "luminous".to_owned(),
            config: BTreeMap::new(),
            blocklist: BTreeSet::new(),
            trims: BTreeSet::new(),
            purges: BTreeSet::new(),
            sessions: BTreeMap::new(),
        }
    }
}

impl Before for Cluster {
    fn pool_named(&self, name: &str) -> Option<PoolId> {
        self.pools.iter().find(|(_, pool)| pool.name == name).map(|(id, _)| *id)
    }

    fn has_config_key(&self, key: &str) -> bool {
        self.config.contains_key(key)
    }

    fn is_blocklisted(&self, address: &ClientAddress) -> bool {
        self.blocklist.contains(&address.0)
    }
}
