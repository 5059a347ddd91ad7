//! Pools, config keys, blocklist, status.

use super::state::{Pool, State};
use crate::{ClusterChange, ClusterStatus, Errno, PoolId, PoolInfo, SnapId, Space, StoreError};

/// What a cluster in memory claims to hold.
const TOTAL_BYTES: u64 = 1 << 40;

/// Releases in their order; the first that knows the setting is the oldest here.
const RELEASES: [&str; 10] = [
    "hammer",
    "infernalis",
    "jewel",
    "kraken",
    "luminous",
    "mimic",
    "nautilus",
    "octopus",
    "pacific",
    "quincy",
];

impl State {
    pub(super) fn administer(&mut self, change: ClusterChange) -> Result<(), StoreError> {
        match change {
            ClusterChange::CreatePool { name } => self.create_pool(name),
            ClusterChange::RenamePool { from, to } => self.rename_pool(&from, to),
            ClusterChange::RemovePool { name } => self.remove_pool(&name),
            ClusterChange::SetMinCompatClient { release } => {
                if !RELEASES.contains(&&release[..]) {
                    let context = format!("set the oldest client release to {release}");
                    return Err(StoreError::new(Errno::INVAL, context));
                }
                self.min_compat_client = release;
                Ok(())
            }
            ClusterChange::SetConfigKey { key, value } => {
                self.config_keys.insert(key, value);
                Ok(())
            }
            ClusterChange::RemoveConfigKey { key } => match self.config_keys.remove(&key) {
                Some(_) => Ok(()),
                None => Err(StoreError::new(Errno::NOENT, format!("remove config key {key}"))),
            },
            ClusterChange::AddBlocklist { address } => {
                let tell = Some(Errno::BLOCKLISTED);
                self.watches.drop_clients(|_, watcher| *watcher == address, tell);
                self.blocklist.insert(address);
                Ok(())
            }
            ClusterChange::RemoveBlocklist { address } => {
                if self.blocklist.remove(&address) {
                    return Ok(());
                }
                Err(StoreError::new(Errno::NOENT, format!("take {address} off the blocklist")))
            }
        }
    }

    fn pool_named(&self, name: &str) -> Option<PoolId> {
        self.pools.iter().find(|(_, pool)| pool.name == name).map(|(id, _)| *id)
    }

    fn create_pool(&mut self, name: String) -> Result<(), StoreError> {
        if self.pool_named(&name).is_some() {
            return Err(StoreError::new(Errno::EXIST, format!("create pool {name}")));
        }
        let last_used = SnapId(self.options.first_snap_id.saturating_sub(1));
        self.pools.insert(PoolId(self.next_pool), Pool::new(name, last_used));
        self.next_pool += 1;
        Ok(())
    }

    fn rename_pool(&mut self, from: &str, to: String) -> Result<(), StoreError> {
        let refused = |errno| StoreError::new(errno, format!("rename pool {from} to {to}"));
        let id = self.pool_named(from).ok_or_else(|| refused(Errno::NOENT))?;
        if self.pool_named(&to).is_some() {
            return Err(refused(Errno::EXIST));
        }
        if let Some(pool) = self.pools.get_mut(&id) {
            pool.name = to;
        }
        Ok(())
    }

    fn remove_pool(&mut self, name: &str) -> Result<(), StoreError> {
        let id = self.pool_named(name);
        let id = id.ok_or_else(|| StoreError::new(Errno::NOENT, format!("remove pool {name}")))?;
        self.pools.remove(&id);
        self.watches.pool_removed(id);
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
