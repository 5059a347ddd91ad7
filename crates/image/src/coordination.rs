//! How clients of one image get along: the header's watch, the exclusive lock, requests between.
//!
//! | file | what it holds |
//! |---|---|
//! | `watching` | the watch on the header, and what to do with each message |
//! | `exclusive_lock` | who may write: taking the lock, giving it back |
//! | `eviction` | a dead owner is blocklisted, then its lock broken |
//! | `notify` | sending messages |
//! | `quiesce` | asking users to pause while a snapshot is taken |
//! | `request`, `delegate`, `service`, `served` | verbs that the lock's owner runs for others |
//! | `signal` | waiting for something to happen |

mod delegate;
mod eviction;
mod exclusive_lock;
mod notify;
mod quiesce;
mod request;
mod served;
mod service;
mod signal;
#[cfg(test)]
mod tests;
mod watching;

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

use futures_channel::mpsc::UnboundedSender;
use marcot_format::notify::AsyncRequest;
use marcot_store::WatchHandle;

pub use delegate::DelegateError;
pub use exclusive_lock::LockError;
pub use quiesce::{Quiesce, QuiesceError};
pub use request::OwnerRequest;
pub use service::{NoVerbs, OwnerVerbs};

use exclusive_lock::ExclusiveLock;
pub(crate) use exclusive_lock::WhileOwned;
pub(crate) use notify::announce_header_update;
pub(crate) use quiesce::Paused;
use served::Served;
use watching::Watching;

/// What an image needs to get along with its other clients.
#[derive(Debug, Default)]
pub(crate) struct Coordination {
    lock: ExclusiveLock,
    watch: Watching,
    last_request: AtomicU64,
    /// Where news of this client's requests to the owner go.
    asked: Mutex<HashMap<AsyncRequest, UnboundedSender<delegate::News>>>,
    /// Others' requests to this owner.
    served: Mutex<Served>,
}

impl Coordination {
    pub(crate) fn is_lock_owner(&self) -> bool {
        self.lock.is_owner()
    }

    /// Whether changes by others go unnoticed just now.
    pub(crate) fn is_unwatched(&self) -> bool {
        self.watch.is_lost()
    }

    fn watch_handle(&self) -> Option<WatchHandle> {
        self.watch.handle()
    }
}
