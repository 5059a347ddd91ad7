//! The embedded engine: RADOS-shaped objects in one directory, without a daemon.
//!
//! Layers, from the bottom up:
//! * [`device`]: the narrow traits below everything, with file, memory and simulated kinds;
//! * `layout`: bytes of the store file to and from typed values (docs/formats/store-file.md);
//! * `log`: appending records and reading them back; `meta`: checkpoints in a key-value store;
//! * `object`, `space`, `state`: what the log describes; `state` changes only by applying records;
//! * `operation`: one read or write on one object, up to the plan of blocks;
//! * `core`: state, log and device together, a state machine behind one mutex;
//! * `recovery`: from a volume to a core; `engine`, `client`: the store contract on top.

mod check;
mod client;
mod core;
pub mod device;
mod directory;
mod engine;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod layout;
mod log;
mod meta;
mod object;
mod operation;
mod planted;
mod readers;
mod recovery;
mod session;
mod space;
mod state;
mod sync;
mod tending;
mod units;
mod upgrade;

pub use check::{Depth, Report};
pub use directory::OpenError;
pub use engine::{CreateOptions, DirEngine, OpenOptions, Threads};
pub use recovery::RecoverError;

#[cfg(test)]
mod tests;
