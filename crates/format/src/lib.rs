//! The bytes of the RBD format: every stored record, message and class call as a typed value.
//!
//! One record a file. A record knows how to write itself as Ceph 16.2 does ([`Encode`]) and how to
//! read what any release up to that wrote ([`Decode`]). Nothing here does I/O, reads a clock or
//! knows a store. Decoders take hostile bytes: they never panic, and they allocate no more than a
//! small multiple of the bytes they were given.
//!
//! - [`wire`]: the primitives all records are made of
//! - [`object_name`], [`header`], [`directory`]: names of objects and omap keys
//! - [`call`]: arguments and results of the class methods, shared by callers and implementers
//! - [`notify`]: what clients of one image tell each other
//!
//! `docs/formats/` describes the same bytes in words.

#[macro_use]
pub mod wire;

pub mod call;
pub mod children;
pub mod directory;
pub mod entity;
pub mod features;
pub mod format_1;
pub mod group;
pub mod header;
pub mod journal;
pub mod lock;
pub mod mgr;
pub mod migration;
pub mod mirror;
pub mod notify;
pub mod object_map;
pub mod object_name;
pub mod parent;
pub mod record;
pub mod snapshot;
pub mod time;
pub mod trash;

#[cfg(test)]
mod hostile;

pub use time::Utime;
pub use wire::{Decode, DecodeError, Encode};

/// The snapshot id that stands for the image as it is now (`CEPH_NOSNAP`).
pub const NO_SNAP: u64 = 0xffff_ffff_ffff_fffe;
