//! `rbd namespace …`

use crate::args::Arguments;
use crate::args::spec::{self, PoolSpec};
use crate::args::usage::UsageError;

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod remove;

/// A pool and a namespace that must be named.
fn named(arguments: &Arguments) -> Result<PoolSpec, UsageError> {
    let spec = spec::pool(arguments)?;
    if spec.namespace.is_empty() {
        return Err(UsageError::unfitting("namespace name was not specified"));
    }
    Ok(spec)
}
