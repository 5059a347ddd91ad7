//! A store reached through its owner.
//!
//! [`RemoteStore`] numbers and sends each request when the method is called, on the caller's
//! thread; one reader thread delivers what comes back and, when the owner is gone, finds the next.
//! No runtime is needed. Locks: `link` (order on the wire) before `table` (who waits); the reader
//! takes `link` only while nobody can be blocked on the wire.

pub(crate) use link::MAX_FILES;

mod dial;
mod find;
mod job;
mod link;
mod reader;
mod remote_store;
mod table;

pub use dial::{DialError, Greeted, dial};
pub use find::{FindError, FindOwner, ResidentOwner};
pub use job::Job;
pub use remote_store::RemoteStore;

use std::time::Duration;

/// How long a client waits for an owner that says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the greeting of an owner that has accepted the connection.
    pub greeting: Duration,
    /// For any sign of life while requests are under way; afterwards they fail with `ETIMEDOUT`.
    pub silence: Duration,
    /// For a store to become free and an owner to answer.
    pub owner: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            greeting: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            owner: Duration::from_secs(60),
        }
    }
}
