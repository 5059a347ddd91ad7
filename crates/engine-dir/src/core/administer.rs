//! Pools, snapshot ids, config keys, blocklist.

use marcot_store::change::{self, CheckedChange};
use marcot_store::{
    ClusterChange, ClusterStatus, Errno, PoolId, PoolInfo, SnapId, Space, StoreError,
};

use super::Core;
use crate::layout::{ClusterItem, Record};
use crate::units::BLOCK_BYTES;

impl Core {
    /// Logs changes beside objects.
    pub(crate) fn commit_cluster(&mut self, items: Vec<ClusterItem>) -> Result<u64, StoreError> {
        self.commit(&Record::Cluster(items))
    }

    /// Checks a change and says what to log for it.
    pub(crate) fn plan_change(&self, change: ClusterChange) -> Result<ClusterItem, StoreError> {
        let cluster = &self.state.cluster;
        Ok(match change::check(change, cluster)? {
            CheckedChange::CreatePool { name } => {
                ClusterItem::CreatePool { id: PoolId(cluster.next_pool), name }
            }
            CheckedChange::RenamePool { id, name } => ClusterItem::RenamePool { id, name },
            CheckedChange::RemovePool { id } => ClusterItem::RemovePool { id },
            CheckedChange::SetMinCompatClient { release } => {
                ClusterItem::SetMinCompatClient { release }
            }
            CheckedChange::SetConfigKey { key, value } => ClusterItem::SetConfigKey { key, value },
            CheckedChange::RemoveConfigKey { key } => ClusterItem::RemoveConfigKey { key },
            CheckedChange::AddBlocklist { address } => {
                ClusterItem::AddBlocklist { address: address.0 }
            }
            CheckedChange::RemoveBlocklist { address } => {
                ClusterItem::RemoveBlocklist { address: address.0 }
            }
        })
    }

    /// The next snapshot id of a pool.
    pub(crate) fn plan_snap_id(&self, id: PoolId) -> Result<(SnapId, ClusterItem), StoreError> {
        let pool = self.state.cluster.pools.get(&id).ok_or_else(|| {
            StoreError::new(Errno::NOENT, format!("create a snapshot id in pool {}", id.0))
        })?;
        let snap = SnapId(pool.snap_seq.0 + 1);
        Ok((snap, ClusterItem::CreateSnap { pool: id, snap }))
    }

    /// Gives the next snapshot id of a pool out. Whatever uses it comes after it in the log: it need
    /// not be durable by itself.
    pub(crate) fn create_snap_id(&mut self, id: PoolId) -> Result<SnapId, StoreError> {
        let (snap, item) = self.plan_snap_id(id)?;
        self.commit_cluster(vec![item])?;
        Ok(snap)
    }

    /// `ENOENT` for an id that was never given; `None` when it is gone already.
    pub(crate) fn plan_snap_removal(
        &self,
        id: PoolId,
        snap: SnapId,
    ) -> Result<Option<ClusterItem>, StoreError> {
        let what = || format!("remove snapshot id {} of pool {}", snap.0, id.0);
        let pool = self.state.cluster.pools.get(&id);
        let given = pool.filter(|pool| snap <= pool.snap_seq && snap != SnapId(0));
        let pool = given.ok_or_else(|| StoreError::new(Errno::NOENT, what()))?;
        let item = ClusterItem::RemoveSnap { pool: id, snap };
        Ok((!pool.is_removed(snap)).then_some(item))
    }

    /// Takes a snapshot id back, in order with what comes after it.
    pub(crate) fn remove_snap_id(&mut self, id: PoolId, snap: SnapId) -> Result<(), StoreError> {
        match self.plan_snap_removal(id, snap)? {
            Some(item) => self.commit_cluster(vec![item]).map(drop),
            None => Ok(()),
        }
    }

    pub(crate) fn list_pools(&self) -> Vec<PoolInfo> {
        let pools = self.state.cluster.pools.iter();
        let info = pools.map(|(id, pool)| PoolInfo {
            id: *id,
            name: pool.name.clone(),
            objects: pool.objects,
            stored_bytes: pool.stored_blocks * BLOCK_BYTES,
        });
        info.collect()
    }

    /// The bytes that the file system has left, and those that the store takes of it.
    pub(crate) fn set_room(&mut self, room: u64, taken: u64) {
        let space = &mut self.state.space;
        space.limit = taken.saturating_add(room) / BLOCK_BYTES;
        space.end = self.length.saturating_add(room / BLOCK_BYTES);
    }

    /// Identity and space.
    pub(crate) fn status(&self) -> ClusterStatus {
        let space = &self.state.space;
        let pending = space.quarantine.blocks();
        let used = space.bitmap.used().saturating_sub(pending);
        let cluster = &self.state.cluster;
        ClusterStatus {
            fsid: fsid_text(self.superblock.store),
            min_compat_client: cluster.min_compat_client.clone(),
            space: Space {
                total_bytes: space.limit * BLOCK_BYTES,
                used_bytes: used * BLOCK_BYTES,
                pending_bytes: pending * BLOCK_BYTES,
                available_bytes: space.available() * BLOCK_BYTES,
            },
            blocklist: cluster
                .blocklist
                .iter()
                .map(|address| marcot_store::ClientAddress(address.clone()))
                .collect(),
        }
    }
}

/// A UUID in its usual form.
pub(crate) fn fsid_text(id: [u8; 16]) -> String {
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    parts.join("-")
}
