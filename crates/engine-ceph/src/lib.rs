//! A real Ceph cluster as an engine, through librados.
//!
//! librados is loaded at run time, so one binary runs with and without Ceph installed. What its C
//! API cannot do (list_snaps, list_watchers) is refused with a message that says so; nothing is
//! guessed in its place.
//!
//! | module | what it holds |
//! |---|---|
//! | `library` | the functions of librados, loaded by path |
//! | `connection` | one connection to a cluster, and its life |
//! | `io_context` | where an operation goes and which snapshots it knows; never changed once made |
//! | `completion` | librados' callbacks as futures |
//! | `read_op`, `write_op` | the contract's operations as librados' |
//! | `watching`, `administration`, `listing` | the rest of the contract |
//!
//! Concurrency: every call may be made from every thread. The memory that an operation uses is
//! owned by its completion and freed only by it. `unsafe` is allowed in this crate alone; each block
//! gives its reason.

mod administration;
mod completion;
mod connection;
mod io_context;
mod library;
mod listing;
mod monitor;
mod read_op;
mod store;
mod watching;
mod write_op;

pub use connection::{CephCluster, ConnectError, ConnectOptions};
