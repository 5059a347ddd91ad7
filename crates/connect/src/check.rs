//! Checking an embedded store: only who owns it can look at all of it.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use marcot_engine_dir::{Depth, DirEngine, OpenError, OpenOptions, Report};
use marcot_store::{Env, StoreError};

use crate::directory::{self, DirectoryError};
use crate::engines::EngineError;
use crate::env::ProcessEnv;
use crate::holder::{Holder, holder};
use crate::spec::StoreSpec;

/// Pause between two tries for the lock.
const PAUSE: Duration = Duration::from_millis(20);
/// Longer than a host lives on without users.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why a store was not checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("only an embedded store (dir:PATH) can be checked, and this is {0}")]
    NoDirectory(StoreSpec),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error("cannot open {spec}: {error}")]
    Engine { spec: StoreSpec, error: EngineError },
    #[error(
        "{spec} is in use by {}: end what uses it, then check again",
        holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string)
    )]
    Busy { spec: StoreSpec, holder: Option<Holder> },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Waits until nobody uses the store, then looks through all of it.
pub fn check(spec: &StoreSpec, depth: Depth) -> Result<Report, CheckError> {
    let StoreSpec::Dir(path) = spec else {
        return Err(CheckError::NoDirectory(spec.clone()));
    };
    let directory = directory::prepare(path)?;
    let engine = own(spec, &directory)?;
    Ok(engine.check(depth)?)
}

fn own(spec: &StoreSpec, directory: &Path) -> Result<Arc<DirEngine>, CheckError> {
    let env: Arc<dyn Env> = Arc::new(ProcessEnv::default());
    let mut waited = Duration::ZERO;
    loop {
        let options = OpenOptions::new(marcot_classes::all(), Arc::clone(&env));
        match DirEngine::open(directory, options) {
            Ok(engine) => return Ok(engine),
            Err(OpenError::Busy { .. }) if waited < PATIENCE => {}
            Err(OpenError::Busy { .. }) => {
                return Err(CheckError::Busy { spec: spec.clone(), holder: holder(directory) });
            }
            Err(error) => {
                return Err(CheckError::Engine { spec: spec.clone(), error: error.into() });
            }
        }
        thread::sleep(PAUSE);
        waited += PAUSE;
    }
}
