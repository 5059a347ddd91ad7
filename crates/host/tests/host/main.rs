//! Owner and clients: in one process on the memory engine, and as real processes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conformance;
mod hostile_peers;
mod jobs;
mod killed_owners;
mod loopback;
mod roles;
mod served;
mod watches;
