//! Every engine by name: the only place that knows more than the contract.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use marcot_engine_ceph::{CephCluster, ConnectOptions, Ends, WhenFull};
use marcot_engine_dir::{CreateOptions, DirEngine, OpenError, OpenOptions};
use marcot_host::process::is_alive;
use marcot_store::memory::{MemoryCluster, MemoryOptions};
use marcot_store::session::Sessions;
use marcot_store::{ClusterChange, Env, Errno, Store, StoreError};

/// The pool that a new embedded store has, as `rbd` expects it.
const FIRST_POOL: &str = "rbd";

/// Why an engine did not open.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Another process has it open.
    #[error("the store is in use")]
    Busy,
    #[error(transparent)]
    Directory(OpenError),
    #[error(transparent)]
    Ceph(#[from] marcot_engine_ceph::ConnectError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EngineError {
    /// The errno that stands for it.
    pub fn errno(&self) -> Errno {
        match self {
            EngineError::Busy => Errno::BUSY,
            EngineError::Directory(error) => errno_of(error),
            EngineError::Ceph(error) => error.errno(),
            EngineError::Store(error) => error.errno,
        }
    }
}

fn errno_of(error: &OpenError) -> Errno {
    match error {
        OpenError::NotFound { .. } => Errno::NOENT,
        OpenError::Exists { .. } => Errno::EXIST,
        OpenError::Busy { .. } => Errno::BUSY,
        OpenError::ForeignOwner { .. } | OpenError::OthersMayWrite { .. } => Errno::ACCES,
        OpenError::WrongKind { .. } => Errno::NOTDIR,
        OpenError::NetworkFileSystem { .. } => Errno::OPNOTSUPP,
        OpenError::Damaged { .. } => Errno::IO,
        OpenError::Io { error, .. } => error.raw_os_error().map_or(Errno::IO, Errno::from_raw),
    }
}

/// Opens the embedded store in a directory, or makes it.
pub(crate) fn open_directory(
    directory: &Path,
    env: &Arc<dyn Env>,
) -> Result<Arc<DirEngine>, EngineError> {
    loop {
        let options = OpenOptions::new(marcot_classes::all(), Arc::clone(env));
        match DirEngine::open(directory, options) {
            Ok(engine) => return Ok(engine),
            Err(OpenError::NotFound { .. }) => {
                match DirEngine::create(directory, &CreateOptions::new(Arc::clone(env))) {
                    // Another process was faster.
                    Ok(()) | Err(OpenError::Exists { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes a store over from whoever owned it before: clients whose process is gone are forgotten.
pub(crate) fn sessions(engine: &Arc<DirEngine>) -> Arc<dyn Sessions> {
    let sessions = engine.sessions();
    for (client, process) in sessions.dormant() {
        if !is_alive(process) {
            sessions.end(client);
        }
    }
    sessions
}

impl From<OpenError> for EngineError {
    fn from(error: OpenError) -> EngineError {
        match error {
            OpenError::Busy { .. } => EngineError::Busy,
            error => EngineError::Directory(error),
        }
    }
}

/// A store that lives as long as this process.
pub(crate) fn open_memory(env: Arc<dyn Env>) -> Result<Arc<dyn Store>, EngineError> {
    let options = MemoryOptions::default();
    let store = MemoryCluster::with_env(marcot_classes::all(), env, options).client();
    furnish(&*store)?;
    Ok(store)
}

/// Who a Ceph cluster is told that this is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CephIdentity {
    /// The client's name without `client.`; `None` for `admin`.
    pub client: Option<String>,
    /// The cluster's name; `None` for `ceph`.
    pub cluster: Option<String>,
    /// Options that win over the configuration file: (`keyring`, …), (`mon_host`, …).
    pub overrides: Vec<(String, String)>,
}

impl CephIdentity {
    /// Whether it says which cluster is meant, without a configuration file. Scripts say `ceph`
    /// whatever they mean.
    pub fn names_a_cluster(&self) -> bool {
        self.cluster.as_ref().is_some_and(|name| name != "ceph")
            || self.overrides.iter().any(|(name, _)| name == "mon_host")
    }
}

/// The overrides may hold a key: only their names are shown.
impl fmt::Debug for CephIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<&str> = self.overrides.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("CephIdentity")
            .field("client", &self.client)
            .field("cluster", &self.cluster)
            .field("overrides", &named)
            .finish()
    }
}

/// A Ceph cluster through librados. An empty path stands for the configuration of this system.
pub(crate) fn open_ceph(
    configuration: &Path,
    identity: &CephIdentity,
    when_full: WhenFull,
    ends: Ends,
) -> Result<Arc<dyn Store>, EngineError> {
    let CephIdentity { client, cluster, overrides } = identity.clone();
    let conf = Some(configuration.to_owned()).filter(|path| !path.as_os_str().is_empty());
    let options = ConnectOptions { conf, cluster, client, overrides, when_full, ends };
    Ok(CephCluster::connect(&options)?)
}

/// Gives a new store its first pool.
fn furnish(store: &dyn Store) -> Result<(), StoreError> {
    pollster::block_on(async {
        if store.list_pools().await?.is_empty() {
            let name = FIRST_POOL.to_owned();
            store.administer(ClusterChange::CreatePool { name }).await?;
        }
        Ok(())
    })
}
