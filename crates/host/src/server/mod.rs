//! The owner's side: serving an engine to other processes.
//!
//! [`resident`] is the life of a host: listen, serve, end when idle or told to. Each connection is
//! one client of the engine. Requests are handed to the engine in the order of their arrival, each
//! polled once at once, so that order holds as if the caller were here; what is not ready then goes
//! on as a task. Memory is bounded by credit: a connection reads no further while what it has
//! under way holds too many bytes.

mod accept;
mod connection;
mod dispatch;
mod outbox;
mod receive;
mod resident;
mod volatile;

pub use resident::{HostError, resident};
pub use volatile::VolatileSessions;

use std::sync::Arc;
use std::time::Duration;

use marcot_store::session::Sessions;

use crate::jobs::Jobs;

/// What a host serves, and within which limits.
#[derive(Clone)]
pub struct Host {
    pub sessions: Arc<dyn Sessions>,
    pub jobs: Arc<dyn Jobs>,
    pub limits: Limits,
}

/// Limits of a host.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Ends after so long without a connection.
    pub idle: Duration,
    pub connections: usize,
    /// For the greeting of a client.
    pub greeting: Duration,
    /// How often a connection with requests under way hears that the owner lives.
    pub heartbeat: Duration,
    /// Bytes that one connection's requests and their answers may hold.
    pub bytes_under_way: u32,
    /// For requests and jobs to end when the host is told to end.
    pub drain: Duration,
    /// A client of an earlier owner that has not come back after so long, and whose process is
    /// gone, is forgotten.
    pub dormant: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            idle: Duration::from_secs(10),
            connections: 1000,
            greeting: Duration::from_secs(10),
            heartbeat: Duration::from_secs(5),
            bytes_under_way: 256 << 20,
            drain: Duration::from_secs(10),
            dormant: Duration::from_secs(30),
        }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("limits", &self.limits).finish_non_exhaustive()
    }
}
