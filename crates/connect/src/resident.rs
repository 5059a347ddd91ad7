//! Being the resident host of a store.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use marcot_engine_dir::DirEngine;
use marcot_host::jobs::Jobs;
use marcot_host::server::{Host, HostError, Limits, resident};
use marcot_host::socket;
use marcot_store::Env;

use crate::check::WithCheck;
use crate::directory::{self, DirectoryError};
use crate::engines::{self, EngineError};
use crate::env::ProcessEnv;
use crate::holder::{Holder, holder};
use crate::spec::StoreSpec;

/// Pause between two tries for the lock.
const PAUSE: Duration = Duration::from_millis(5);
/// For how long a host waits for the store to become free: less than its clients wait for it.
const PATIENCE: Duration = Duration::from_secs(55);

/// Why a host did not serve.
#[derive(Debug, thiserror::Error)]
pub enum ResidentError {
    #[error("only an embedded store (dir:PATH) has a host, and this is {0}")]
    NoDirectory(StoreSpec),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("cannot open {spec}: {error}")]
    Engine { spec: StoreSpec, error: EngineError },
    #[error(
        "{spec} is still in use by {} after {} s",
        holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string),
        PATIENCE.as_secs()
    )]
    Busy { spec: StoreSpec, holder: Option<Holder> },
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Serves a store until idle or told to end. Returns at once when another host serves it already.
pub fn run_resident(
    spec: &StoreSpec,
    jobs: Arc<dyn Jobs>,
    limits: Limits,
) -> Result<(), ResidentError> {
    let StoreSpec::Dir(path) = spec else {
        return Err(ResidentError::NoDirectory(spec.clone()));
    };
    marcot_host::log::install();
    let directory = directory::prepare(path)?;
    let Some(engine) = own(spec, &directory)? else {
        tracing::info!("another host serves the store");
        return Ok(());
    };
    tracing::info!(pid = std::process::id(), "serving");
    let sessions = engines::sessions(&engine);
    let jobs = Arc::new(WithCheck { engine, jobs });
    resident(&directory, Host { sessions, jobs, limits })?;
    tracing::info!(pid = std::process::id(), "ending");
    Ok(())
}

/// Waits for the store's lock; `None` when another host is there.
fn own(spec: &StoreSpec, directory: &Path) -> Result<Option<Arc<DirEngine>>, ResidentError> {
    let mut waited = Duration::ZERO;
    let env: Arc<dyn Env> = Arc::new(ProcessEnv::default());
    loop {
        match engines::open_directory(directory, &env) {
            Ok(engine) => return Ok(Some(engine)),
            Err(EngineError::Busy) => {}
            Err(error) => return Err(ResidentError::Engine { spec: spec.clone(), error }),
        }
        if matches!(socket::connect(directory), Ok(Some(_))) {
            return Ok(None);
        }
        if waited >= PATIENCE {
            return Err(ResidentError::Busy { spec: spec.clone(), holder: holder(directory) });
        }
        thread::sleep(PAUSE);
        waited += PAUSE;
    }
}
