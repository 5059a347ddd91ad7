//! RBD itself: images, snapshots, clones, on any engine of the store contract.
//!
//! | module | what it holds |
//! |---|---|
//! | [`client`], [`config`] | who asks, where an image lives, options with Ceph's defaults |
//! | [`image`], [`header`] | the handle of an opened image, and what its header says |
//! | [`io`] | reading, writing, discarding; copyup |
//! | `journal`, `migration` | whether bytes are elsewhere |
//! | `layering`, `object_map` | which ancestor, and which object, holds bytes |
//! | [`coordination`] | watch, exclusive lock, requests to its owner |
//! | [`pool`], [`operation`] | directories and namespaces; the verbs |
//! | [`transfer`] | import and export |
//! | [`class_call`] | calling class methods |
//! | [`striping`], [`extents`] | where bytes lie: pure arithmetic |
//! | `timestamps` | when an image was last read and changed |
//!
//! Knows no engine, no errno of a front end, no runtime. Time, randomness and tasks come from
//! [`marcot_store::Env`].

pub mod class_call;
pub mod client;
pub mod config;
pub mod coordination;
pub mod extents;
pub mod header;
pub mod image;
pub mod io;
mod journal;
mod layering;
mod migration;
#[cfg(test)]
mod model_test;
mod object_map;
mod once;
pub mod operation;
#[cfg(test)]
mod overlap_test;
pub mod pool;
pub mod progress;
pub mod striping;
mod timestamps;
pub mod transfer;
mod visit;

pub use class_call::CallError;
pub use client::{Access, Client, ImageKey, Location, SnapKey};
pub use config::Config;
pub use coordination::{DelegateError, LockError, OwnerRequest, Quiesce, QuiesceError};
pub use extents::{Allocation, AllocationState, ImageExtent, ObjectExtent};
pub use header::{Header, HeaderError, ImageFormat, Parent, SnapView, Snapshot, UnwritableError};
pub use image::{CloseError, Image, OpenError, OpenOptions};
pub use io::IoError;
pub use progress::{NoProgress, Progress};
pub use striping::Striping;
