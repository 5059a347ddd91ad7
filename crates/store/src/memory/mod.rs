//! A whole cluster in memory: the contract in its plainest form, and the engine of tests.
//!
//! [`MemoryCluster::new`] does what it is told in the order it is told. With
//! [`MemoryOptions::hostile`] it does all that the contract allows and no friendly engine would:
//! it reorders un-awaited operations on different objects, hands out omaps in pages of three,
//! never completes at the first poll, and panics when class code reads back what its own operation
//! wrote. Code that works on it has a chance on a real cluster.
//!
//! One mutex guards everything and is never held across an await.

mod administration;
mod body;
mod client;
mod context;
mod data;
mod object;
mod read;
mod schedule;
mod state;
mod still;
#[cfg(test)]
mod tests;
mod transaction;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::client::MemoryClient;
use self::schedule::Schedule;
use self::state::{Identity, State};
use self::still::StillEnv;
use crate::checked::Checked;
use crate::class::Classes;
use crate::watch::WatchTable;
use crate::{ClientAddress, ClientId, Env, Store};

/// How a cluster behaves within the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryOptions {
    /// Whether [`crate::Copyups::ByReference`] is declared, or [`crate::Copyups::Refused`].
    pub copyup_by_reference: bool,
    /// The seed of a hostile cluster; `None` for a friendly one.
    pub hostile: Option<u64>,
    /// The most omap pairs that one read hands out (an OSD's limit is 1024).
    pub omap_page: u64,
    /// The first snapshot id of a pool. On a pool that Ceph has validated for RBD it is 4.
    pub first_snap_id: u64,
}

impl Default for MemoryOptions {
    fn default() -> MemoryOptions {
        MemoryOptions {
            copyup_by_reference: true,
            hostile: None,
            omap_page: 1024,
            first_snap_id: 4,
        }
    }
}

impl MemoryOptions {
    /// All that the contract allows, in an order that follows from `seed`.
    pub fn hostile(seed: u64) -> MemoryOptions {
        MemoryOptions { hostile: Some(seed), omap_page: 3, ..MemoryOptions::default() }
    }
}

/// A cluster that ends with the process.
pub struct MemoryCluster {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for MemoryCluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryCluster").finish_non_exhaustive()
    }
}

/// What all clients of a cluster share.
pub(in crate::memory) struct Shared {
    state: Mutex<State>,
    schedule: Option<Schedule>,
    env: Arc<dyn Env>,
}

impl Shared {
    pub(in crate::memory) fn state(&self) -> MutexGuard<'_, State> {
        // A panic of class code leaves the state as it was: operations work on copies.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryCluster {
    /// A friendly cluster without pools, whose time stands still between operations: a
    /// notification waits for its watchers however long it takes.
    pub fn new(classes: Arc<dyn Classes>) -> Arc<MemoryCluster> {
        let env = Arc::new(StillEnv::default());
        MemoryCluster::with_env(classes, env, MemoryOptions::default())
    }

    /// A cluster with the clock and the timers of `env`.
    pub fn with_env(
        classes: Arc<dyn Classes>,
        env: Arc<dyn Env>,
        options: MemoryOptions,
    ) -> Arc<MemoryCluster> {
        let state = State {
            options,
            classes,
            pools: BTreeMap::new(),
            next_pool: 1,
            config_keys: BTreeMap::new(),
            min_compat_client: "luminous".to_owned(),
            blocklist: BTreeSet::new(),
            killed: BTreeSet::new(),
            watches: WatchTable::default(),
            version: 0,
            next_client: 4100,
        };
        let schedule = options.hostile.map(Schedule::new);
        Arc::new(MemoryCluster {
            shared: Arc::new(Shared { state: Mutex::new(state), schedule, env }),
        })
    }

    /// A new client with an id and an address of its own. Its watches end when it is dropped.
    pub fn client(&self) -> Arc<dyn Store> {
        Arc::new(Checked::new(Arc::new(self.raw_client())))
    }

    fn raw_client(&self) -> MemoryClient {
        let mut state = self.shared.state();
        state.next_client += 3;
        let client = ClientId(state.next_client);
        let address = ClientAddress(format!("127.0.0.1:0/{}", 1_000_000 + client.0 * 7919));
        MemoryClient { shared: self.shared.clone(), who: Identity { client, address } }
    }

    /// What the cluster notices of a client whose process was killed, once its watches have timed
    /// out: they are gone, and whatever it still sends fails with `ENOTCONN`.
    pub fn kill(&self, client: ClientId) {
        let mut state = self.shared.state();
        state.killed.insert(client);
        state.watches.drop_clients(|id, _| id == client, None);
    }
}
