//! Pools, config keys, blocklist and space of a cluster, through its monitors. All of it blocks.

use std::ffi::{CStr, c_char, c_int};

use bytes::Bytes;
use marcot_store::release;
use marcot_store::{
    ClientAddress, ClusterChange, ClusterStatus, Errno, ObjectId, OtherApplications, PoolId,
    PoolInfo, Result, SnapId, Space, StoreError,
};
use serde_json::{Value, json};

use crate::connection::{CephCluster, c_string};
use crate::io_context::View;
use crate::library::{ClusterStat, PoolStat};

/// Longer values of options do not matter to us.
const LONGEST_OPTION: usize = 4096;

impl CephCluster {
    pub(crate) fn pools(&self) -> Result<Vec<PoolInfo>> {
        let named = self.pool_names()?.into_iter().map(|(id, name)| {
            // A pool may go meanwhile.
            let stat = self.pool_stat(id).unwrap_or_default();
            PoolInfo { id, name, objects: stat.num_objects, stored_bytes: stat.num_bytes }
        });
        let mut pools: Vec<PoolInfo> = named.collect();
        pools.sort_by_key(|pool| pool.id);
        Ok(pools)
    }

    fn pool_names(&self) -> Result<Vec<(PoolId, String)>> {
        let listed = self.monitor_json(&json!({"prefix": "osd lspools", "format": "json"}))?;
        let named = listed.as_array().into_iter().flatten().filter_map(|pool| {
            Some((PoolId(pool["poolnum"].as_i64()?), pool["poolname"].as_str()?.to_owned()))
        });
        Ok(named.collect())
    }

    /// Out of the map of OSDs that this client has; when the name is not there, out of a newer one.
    pub(crate) fn pool_called(&self, name: &str) -> Result<Option<PoolId>> {
        let Ok(text) = c_string(name, "a pool's name") else { return Ok(None) };
        // SAFETY: the handle is connected and the name lives through the call.
        match unsafe { (self.rados.pool_lookup)(self.handle, text.as_ptr()) } {
            id @ 0.. => Ok(Some(PoolId(id))),
            result => match Errno::from_raw(i32::try_from(-result).unwrap_or(i32::MAX)) {
                Errno::NOENT => Ok(None),
                errno => Err(StoreError::new(errno, format!("look for the pool {name}"))),
            },
        }
    }

    fn pool_stat(&self, pool: PoolId) -> Result<PoolStat> {
        let context = self.context(&ObjectId::new(pool, "", ""), View::Read(SnapId::HEAD))?;
        let mut stat = PoolStat::default();
        // SAFETY: the context is open; `stat` has the layout of the C struct.
        match unsafe { (self.rados.ioctx_pool_stat)(context.handle, &raw mut stat) } {
            0.. => Ok(stat),
            result => Err(StoreError::new(Errno::from_raw(-result), "read a pool's usage")),
        }
    }

    pub(crate) fn change(&self, change: ClusterChange) -> Result<()> {
        self.check_change(&change)?;
        let (command, input) = command_for(change);
        self.monitor(&command, &input)?;
        // Later calls must see the change: wait for the map that has it.
        // SAFETY: the handle is connected.
        unsafe { (self.rados.wait_for_latest_osdmap)(self.handle) };
        Ok(())
    }

    /// Marks a pool as used by an application.
    pub(crate) fn enable(
        &self,
        pool: PoolId,
        application: &str,
        others: OtherApplications,
    ) -> Result<()> {
        let context = self.context(&ObjectId::new(pool, "", ""), View::Read(SnapId::HEAD))?;
        let name = c_string(application, "an application")?;
        let force = c_int::from(others == OtherApplications::Allowed);
        // SAFETY: the context is open and the name lives through the call.
        match unsafe { (self.rados.application_enable)(context.handle, name.as_ptr(), force) } {
            0.. => Ok(()),
            result => Err(StoreError::new(
                Errno::from_raw(-result),
                format!("enable the application {application} on pool {}", pool.0),
            )),
        }
    }

    /// Refuses what the contract refuses and the monitors take for done already.
    fn check_change(&self, change: &ClusterChange) -> Result<()> {
        let refuse = |errno, what: &str| Err(StoreError::new(errno, what.to_owned()));
        match change {
            ClusterChange::CreatePool { name } if self.has_pool(name)? => {
                refuse(Errno::EXIST, name)
            }
            ClusterChange::RenamePool { from, .. } if !self.has_pool(from)? => {
                refuse(Errno::NOENT, from)
            }
            ClusterChange::RenamePool { to, .. } if self.has_pool(to)? => refuse(Errno::EXIST, to),
            ClusterChange::RemovePool { name } if !self.has_pool(name)? => {
                refuse(Errno::NOENT, name)
            }
            ClusterChange::RemoveConfigKey { key } if option_of_key(key).is_none() => {
                self.config_value(key).map(drop)
            }
            ClusterChange::RemoveBlocklist { address } if !self.blocklist()?.contains(address) => {
                refuse(Errno::NOENT, &address.0)
            }
            _ => Ok(()),
        }
    }

    fn has_pool(&self, name: &str) -> Result<bool> {
        Ok(self.pool_names()?.iter().any(|(_, pool)| pool == name))
    }

    /// An option as librados holds it: from the file, the environment and the monitors.
    pub(crate) fn configured(&self, option: &str) -> Option<String> {
        let name = c_string(option, "an option").ok()?;
        let mut value: [c_char; LONGEST_OPTION] = [0; LONGEST_OPTION];
        // SAFETY: the name lives through the call; the buffer has the length that is said.
        let found = unsafe {
            (self.rados.conf_get)(self.handle, name.as_ptr(), value.as_mut_ptr(), value.len())
        };
        if found < 0 {
            return None;
        }
        // SAFETY: on success librados wrote a C string into the buffer.
        let value = unsafe { CStr::from_ptr(value.as_ptr()) };
        Some(value.to_string_lossy().into_owned())
    }

    pub(crate) fn config_value(&self, key: &str) -> Result<Bytes> {
        self.monitor(&json!({"prefix": "config-key get", "key": key}), &[])
    }

    pub(crate) fn config_keys(&self) -> Result<Vec<String>> {
        let listed = self.monitor_json(&json!({"prefix": "config-key ls", "format": "json"}))?;
        let mut keys: Vec<String> = listed
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|key| key.as_str().map(str::to_owned))
            .collect();
        keys.sort();
        Ok(keys)
    }

    pub(crate) fn cluster_status(&self) -> Result<ClusterStatus> {
        let mut stat = ClusterStat::default();
        let mut fsid: [c_char; 37] = [0; 37];
        // SAFETY: the struct has the C layout; the buffer has the 37 bytes that are asked for.
        let results = unsafe {
            let stat_result = (self.rados.cluster_stat)(self.handle, &raw mut stat);
            (stat_result, (self.rados.cluster_fsid)(self.handle, fsid.as_mut_ptr(), fsid.len()))
        };
        if let (result @ ..=-1, _) | (_, result @ ..=-1) = results {
            return Err(StoreError::new(Errno::from_raw(-result), "read the cluster's state"));
        }
        let fsid = fsid
            .iter()
            .map(|letter| u8::try_from(*letter).unwrap_or_default())
            .take_while(|letter| *letter != 0)
            .map(char::from)
            .collect();
        Ok(ClusterStatus {
            fsid,
            min_compat_client: self.min_compat_client()?,
            space: Space {
                total_bytes: stat.kb * 1024,
                used_bytes: stat.kb_used * 1024,
                pending_bytes: 0,
                available_bytes: stat.kb_avail * 1024,
            },
            blocklist: self.blocklist()?,
        })
    }

    /// The map of OSDs has the release as a number; one that we have no name for, the monitors tell.
    pub(crate) fn min_compat_client(&self) -> Result<String> {
        let (mut used, mut required) = (0, 0);
        // SAFETY: the handle is connected; both numbers live through the call.
        let result = unsafe {
            let (used, required) = (&raw mut used, &raw mut required);
            (self.rados.get_min_compatible_client)(self.handle, used, required)
        };
        let known = usize::try_from(required).ok().and_then(|number| match number {
            // What a cluster says that was never told.
            0 => Some("unknown"),
            number => release::name(number),
        });
        if let (0.., Some(name)) = (result, known) {
            return Ok(name.to_owned());
        }
        let command = json!({"prefix": "osd get-require-min-compat-client"});
        let answer = self.monitor(&command, &[])?;
        Ok(String::from_utf8_lossy(&answer).trim().to_owned())
    }

    fn blocklist(&self) -> Result<Vec<ClientAddress>> {
        let listed = self.monitor_json(&json!({"prefix": "osd blocklist ls", "format": "json"}))?;
        Ok(listed
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|entry| entry["addr"].as_str())
            .map(|address| ClientAddress(address.to_owned()))
            .collect())
    }
}

fn command_for(change: ClusterChange) -> (Value, Bytes) {
    let plain = |command| (command, Bytes::new());
    match change {
        ClusterChange::CreatePool { name } => {
            plain(json!({"prefix": "osd pool create", "pool": name}))
        }
        ClusterChange::RenamePool { from, to } => {
            plain(json!({"prefix": "osd pool rename", "srcpool": from, "destpool": to}))
        }
        ClusterChange::RemovePool { name } => plain(json!({
            "prefix": "osd pool delete",
            "pool": name,
            "pool2": name,
            "yes_i_really_really_mean_it": true,
        })),
        ClusterChange::SetMinCompatClient { release } => plain(json!({
            "prefix": "osd set-require-min-compat-client",
            "version": release,
        })),
        ClusterChange::SetConfigKey { key, value } => match option_of_key(&key) {
            Some((section, option)) => plain(json!({
                "prefix": "config set",
                "who": section,
                "name": option,
                "value": String::from_utf8_lossy(&value),
            })),
            None => (json!({"prefix": "config-key set", "key": key}), value),
        },
        ClusterChange::RemoveConfigKey { key } => plain(match option_of_key(&key) {
            Some((section, option)) => {
                json!({"prefix": "config rm", "who": section, "name": option})
            }
            None => json!({"prefix": "config-key rm", "key": key}),
        }),
        ClusterChange::AddBlocklist { address } => plain(json!({
            "prefix": "osd blocklist", "blocklistop": "add", "addr": address.0,
        })),
        ClusterChange::RemoveBlocklist { address } => plain(json!({
            "prefix": "osd blocklist", "blocklistop": "rm", "addr": address.0,
        })),
    }
}

/// The section and the option of `config/SECTION/OPTION`: the monitors change those keys only
/// through commands of their own, which also tell the clients.
fn option_of_key(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix("config/")?.split_once('/')
}
