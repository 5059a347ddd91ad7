//! The one factory that names engines: from a store's specification to a store.
//!
//! [`connect`] hands out an `Arc<dyn Store>` whichever way leads to it: an engine in this process,
//! a host in another, a Ceph cluster. Rules for the embedded store (docs/decisions, processes):
//! * a short command takes the store's lock, works in process and leaves;
//! * whatever lasts goes to the store's resident host, started when there is none;
//! * who finds the lock taken goes to the host, or waits for the other short command;
//! * a store is never taken from a process that lives, nor opened for another user.

mod check;
mod directory;
mod engines;
mod env;
mod holder;
mod open;
mod resident;
mod spec;

pub use check::{CheckError, check};
pub use directory::DirectoryError;
pub use engines::{CephIdentity, EngineError};
pub use env::ProcessEnv;
pub use holder::Holder;
pub use marcot_engine_ceph::{Ends, WhenFull};
pub use marcot_engine_dir::{Depth, Report};
pub use open::{ConnectError, Connection, Connector, Lifetime, Notice, Reached, connect};
pub use resident::{ResidentError, run_resident};
pub use spec::{SpecError, StoreSpec};
