//! A host on a thread of the test, serving an engine in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use marcot_host::client::{FindError, FindOwner, Greeted, Patience, RemoteStore, dial};
use marcot_host::jobs::{Jobs, NoJobs};
use marcot_host::process::this_process;
use marcot_host::protocol::request::Hello;
use marcot_host::server::{Host, Limits, VolatileSessions, resident};
use marcot_host::socket;
use marcot_store::memory::{MemoryCluster, MemoryOptions};
use marcot_store::{ClientId, ClusterChange, ObjectId, PoolId, Store};
use marcot_testkit::{SampleClasses, ThreadEnv};

/// A served cluster; dropped after its clients, it waits for the host to end.
pub(crate) struct Served {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) cluster: Arc<MemoryCluster>,
    host: Option<JoinHandle<()>>,
}

pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) jobs: Arc<dyn Jobs>,
    pub(crate) hostile: Option<u64>,
}

impl Default for Setup {
    fn default() -> Setup {
        let limits = Limits { idle: Duration::from_millis(300), ..Limits::default() };
        Setup { limits, jobs: Arc::new(NoJobs), hostile: None }
    }
}

pub(crate) fn served(setup: Setup) -> Served {
    let directory = tempfile::tempdir().unwrap();
    let options = setup.hostile.map_or_else(MemoryOptions::default, MemoryOptions::hostile);
    let env = Arc::new(ThreadEnv::new(options.hostile.unwrap_or_default()));
    let cluster = MemoryCluster::with_env(Arc::new(SampleClasses), env, options);
    let clients = Arc::clone(&cluster);
    let host = Host {
        sessions: Arc::new(VolatileSessions(move || clients.client())),
        jobs: setup.jobs,
        limits: setup.limits,
    };
    let path = directory.path().to_owned();
    let thread = thread::spawn(move || resident(&path, host).unwrap());
    while socket::connect(directory.path()).unwrap().is_none() {
        thread::sleep(Duration::from_millis(2));
    }
    Served { directory, cluster, host: Some(thread) }
}

impl Served {
    pub(crate) fn client(&self) -> Arc<RemoteStore> {
        RemoteStore::connect(finder(self.directory.path()), Patience::default()).unwrap()
    }

    /// Lets the host end by itself, when nobody is there any more.
    pub(crate) fn leave(&mut self) {
        drop(self.host.take());
    }

    /// Waits until the host has ended, as it does when nobody is there.
    pub(crate) fn wait(&mut self) {
        if let Some(host) = self.host.take() {
            host.join().unwrap();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.wait();
        }
    }
}

/// Finds the host that is there, and starts none.
#[derive(Debug)]
pub(crate) struct OnlyDial {
    pub(crate) directory: PathBuf,
    pub(crate) patience: Patience,
}

impl FindOwner for OnlyDial {
    fn find(&self, resume: Option<ClientId>) -> Result<Greeted, FindError> {
        let hello = Hello { process: this_process().unwrap(), resume };
        Ok(dial(&self.directory, &hello, &self.patience)?)
    }
}

pub(crate) fn finder(directory: &Path) -> Arc<dyn FindOwner> {
    Arc::new(OnlyDial { directory: directory.to_owned(), patience: Patience::default() })
}

/// Makes a pool and names an object in it.
pub(crate) async fn first_object(store: &dyn Store) -> ObjectId {
    store.administer(ClusterChange::CreatePool { name: "p".into() }).await.unwrap();
    let pool: PoolId = store.list_pools().await.unwrap()[0].id;
    ObjectId::new(pool, "", "object")
}
