//! Which changes beside objects are allowed, and what they come to: pure, so that engines agree.

use bytes::Bytes;

use crate::release::{self, HAMMER, QUINCY};
use crate::{ClientAddress, ClusterChange, Errno, PoolId, Result, StoreError};

/// What a change is judged by: the state before it.
pub trait Before {
    /// The pool of that name.
    fn pool_named(&self, name: &str) -> Option<PoolId>;

    /// Whether that config key is set.
    fn has_config_key(&self, key: &str) -> bool;

    /// Whether the client with that address is refused.
    fn is_blocklisted(&self, address: &ClientAddress) -> bool;
}

/// A [`ClusterChange`] that has been checked, its pools found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckedChange {
    CreatePool { name: String },
    RenamePool { id: PoolId, name: String },
    RemovePool { id: PoolId },
    SetMinCompatClient { release: String },
    SetConfigKey { key: String, value: Bytes },
    RemoveConfigKey { key: String },
    AddBlocklist { address: ClientAddress },
    RemoveBlocklist { address: ClientAddress },
}

/// Checks a change, with the errors that [`ClusterChange`] names, and `EINVAL` for an unknown
/// release.
pub fn check(change: ClusterChange, before: &dyn Before) -> Result<CheckedChange> {
    let refused = |errno, what: String| Err(StoreError::new(errno, what));
    Ok(match change {
        ClusterChange::CreatePool { name } => {
            if before.pool_named(&name).is_some() {
                return refused(Errno::EXIST, format!("create pool {name}"));
            }
            CheckedChange::CreatePool { name }
        }
        ClusterChange::RenamePool { from, to } => {
            let what = || format!("rename pool {from} to {to}");
            let id =
                before.pool_named(&from).ok_or_else(|| StoreError::new(Errno::NOENT, what()))?;
            if before.pool_named(&to).is_some() {
                return refused(Errno::EXIST, what());
            }
            CheckedChange::RenamePool { id, name: to }
        }
        ClusterChange::RemovePool { name } => match before.pool_named(&name) {
            Some(id) => CheckedChange::RemovePool { id },
            None => return refused(Errno::NOENT, format!("remove pool {name}")),
        },
        ClusterChange::SetMinCompatClient { release } => {
            let known = release::number(&release);
            if !known.is_some_and(|number| (HAMMER..=QUINCY).contains(&number)) {
                let what = format!("set the oldest client release to {release}");
                return refused(Errno::INVAL, what);
            }
            CheckedChange::SetMinCompatClient { release }
        }
        ClusterChange::SetConfigKey { key, value } => CheckedChange::SetConfigKey { key, value },
        ClusterChange::RemoveConfigKey { key } => {
            if !before.has_config_key(&key) {
                return refused(Errno::NOENT, format!("remove config key {key}"));
            }
            CheckedChange::RemoveConfigKey { key }
        }
        ClusterChange::AddBlocklist { address } => CheckedChange::AddBlocklist { address },
        ClusterChange::RemoveBlocklist { address } => {
            if !before.is_blocklisted(&address) {
                return refused(Errno::NOENT, format!("take {address} off the blocklist"));
            }
            CheckedChange::RemoveBlocklist { address }
        }
    })
}
