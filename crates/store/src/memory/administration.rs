//! Pools, config keys, blocklist, status.

use super::state::{Pool, State};
use crate::change::{self, Before, CheckedChange};
use crate::{
    ClientAddress, ClusterChange, ClusterStatus, Errno, PoolId, PoolInfo, SnapId, Space, StoreError,
};

/// What a cluster in memory claims to hold.
const TOTAL_BYTES: u64 = 1 << 40;

impl Before for State {
    fn pool_named(&self, name: &str) -> Option<PoolId> {
        self.pools.iter().find(|(_, pool)| pool.name == name).map(|(id, _)| *id)
    }

    fn has_config_key(&self, key: &str) -> bool {
        self.config_keys.contains_key(key)
    }

    fn is_blocklisted(&self, address: &ClientAddress) -> bool {
        self.blocklist.contains(address)
    }
}

impl State {
    pub(super) fn administer(&mut self, change: ClusterChange) -> Result<(), StoreError> {
        match change::check(change, self)? {
            CheckedChange::CreatePool { name } => {
                let last_used = SnapId(self.options.first_snap_id.saturating_sub(1));
                self.pools.insert(PoolId(self.next_pool), Pool::new(name, last_used));
                self.next_pool += 1;
            }
            CheckedChange::RenamePool { id, name } => {
                if let Some(pool) = self.pools.get_mut(&id) {
                    pool.name = name;
                }
            }
            CheckedChange::RemovePool { id } => {
                self.pools.remove(&id);
                self.watches.pool_removed(id);
            }
            CheckedChange::SetMinCompatClient { release } => self.min_compat_client = release,
            CheckedChange::SetConfigKey { key, value } => {
                self.config_keys.insert(key, value);
            }
            CheckedChange::RemoveConfigKey { key } => {
                self.config_keys.remove(&key);
            }
            CheckedChange::AddBlocklist { address } => {
                let told = Some(Errno::BLOCKLISTED);
                self.watches.drop_clients(|_, watcher| *watcher == address, told);
                self.blocklist.insert(address);
            }
            CheckedChange::RemoveBlocklist { address } => {
                self.blocklist.remove(&address);
            }
        }
        Ok(())
    }

    pub(super) fn list_pools(&self) -> Vec<PoolInfo> {
        let info = |(id, pool): (&PoolId, &Pool)| PoolInfo {
            id: *id,
            name: pool.name.clone(),
            objects: pool.objects.values().filter(|object| object.head.is_some()).count() as u64,
            stored_bytes: pool.objects.values().map(super::object::Object::stored_bytes).sum(),
        };
        self.pools.iter().map(info).collect()
    }

    pub(super) fn status(&self) -> ClusterStatus {
        let used_bytes = self.list_pools().iter().map(|pool| pool.stored_bytes).sum();
        ClusterStatus {
            fsid: "6d617263-6f74-4d65-8d6f-72790000f51d".to_owned(),
            min_compat_client: self.min_compat_client.clone(),
            space: Space {
                total_bytes: TOTAL_BYTES,
                used_bytes,
                pending_bytes: 0,
                available_bytes: TOTAL_BYTES.saturating_sub(used_bytes),
            },
            blocklist: self.blocklist.iter().cloned().collect(),
        }
    }
}
