//! A real Ceph cluster as an engine, through librados.
//!
//! librados is loaded at run time, so one binary runs with and without Ceph installed. What its C
//! API cannot do comes from a small library in C++, loaded too; without it that is refused with a
//! message that says so, and nothing is guessed in its place.
//!
//! | module | what it holds |
//! |---|---|
//! | `library`, `shim` | the functions of librados, and what we add to them |
//! | `connecting`, `connection` | getting to a cluster, and being connected |
//! | `gate`, `closing` | who uses a connection, and its end |
//! | `io_context` | where an operation goes and which snapshots it knows; never changed once made |
//! | `completion` | librados' callbacks as futures |
//! | `data`, `read_op`, `write_op` | the contract's operations as librados' |
//! | `lending` | writes whose bytes librados is lent instead of copying them |
//! | `gathering` | those that go on where others end, as one operation |
//! | `copyup` | filling an object from its ancestors' |
//! | `watching`, `notifying` | watches and notifications |
//! | `administration`, `monitor`, `listing` | what librados only offers as blocking calls |
//! | `workers` | the few threads for those |
//!
//! Concurrency: every call may be made from every thread, and none blocks its caller. The memory that
//! an operation uses is owned by its completion and freed only by it. `unsafe` is allowed in this crate alone; each block
//! gives its reason.

mod administration;
mod closing;
mod completion;
mod connecting;
mod connection;
mod copyup;
mod data;
mod gate;
mod gathering;
mod io_context;
mod lending;
mod library;
mod listing;
mod monitor;
mod notifying;
mod read_op;
mod shim;
mod store;
mod watching;
mod workers;
mod write_op;

pub use connecting::{ConnectError, ConnectOptions, Ends, WhenFull};
pub use connection::CephCluster;
