//! Every engine by name: the only place that knows more than the contract.

use std::path::Path;
use std::sync::Arc;

use marcot_store::session::Sessions;
use marcot_store::{ClusterChange, Store, StoreError};

/// The pool that a new embedded store has, as `rbd` expects it.
const FIRST_POOL: &str = "rbd";

/// Why an engine did not open.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Another process has it open.
    #[error("the store is in use")]
    Busy,
    #[error("{0}")]
    Failed(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the embedded store in a directory, or makes it.
pub(crate) fn open_directory(directory: &Path) -> Result<Arc<dyn Sessions>, EngineError> {
    Err(EngineError::Failed(format!("{}: not built yet", directory.display())))
}

/// A store that lives as long as this process.
pub(crate) fn open_memory() -> Result<Arc<dyn Store>, EngineError> {
    Err(EngineError::Failed("not built yet".into()))
}

/// A Ceph cluster through librados.
pub(crate) fn open_ceph(configuration: &Path) -> Result<Arc<dyn Store>, EngineError> {
    let shown = configuration.display();
    Err(EngineError::Failed(format!("{shown}: this build cannot reach a Ceph cluster")))
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
