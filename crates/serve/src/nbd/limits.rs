//! Every bound on what a client can name, send or hold.

use std::time::Duration;

/// Bounds of one server; the defaults follow the specification and QEMU's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; further ones wait to be accepted.
    pub connections: usize,
    /// Time from connecting to the end of the negotiation.
    pub handshake_timeout: Duration,
    /// Options that one client may send.
    pub options: u32,
    /// Bytes of one option.
    pub option_bytes: u32,
    /// Metadata context queries in one option.
    pub context_queries: u32,
    /// Requests of one connection that are not answered yet.
    pub requests_in_flight: usize,
    /// Bytes of data (received, or to be sent) of one connection. At least a full payload.
    pub connection_bytes: u64,
    /// The same of all connections together, beside 1 MiB that each has of its own. At least a
    /// full payload.
    pub total_bytes: u64,
    /// A client that holds memory others wait for, and neither sends nor takes a byte for so
    /// long, is dropped.
    pub stall_timeout: Duration,
    /// Extents in one block status reply.
    pub status_extents: usize,
    /// Bytes that one block status request looks at.
    pub status_span_bytes: u64,
    /// How long a shutdown waits for requests in flight and for clients to take their replies.
    pub drain_timeout: Duration,
}

/// Longest string that the protocol allows.
pub(crate) const STRING_BYTES: usize = 4096;

/// An option longer than allowed is skipped and refused up to this, else the client is dropped.
pub(crate) const OPTION_SKIP_BYTES: u32 = 1 << 20;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 100,
            handshake_timeout: Duration::from_secs(10),
            options: 64,
            option_bytes: 64 << 10,
            context_queries: 128,
            requests_in_flight: 1024,
            connection_bytes: 64 << 20,
            total_bytes: 512 << 20,
            stall_timeout: Duration::from_secs(30),
            status_extents: 8192,
            status_span_bytes: 1 << 30,
            drain_timeout: Duration::from_secs(10),
        }
    }
}
