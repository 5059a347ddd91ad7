//! RBD itself: images, snapshots, clones, on any engine of the store contract.
//!
//! | module | what it holds |
//! |---|---|
//! | [`client`], [`config`] | who asks, where an image lives, options with Ceph's defaults |
//!
//! Knows no engine, no errno of a front end, no runtime. Time, randomness and tasks come from
//! [`marcot_store::Env`].

pub mod client;
pub mod config;
pub mod progress;

pub use client::{Access, Client, ImageKey, Location, SnapKey};
pub use config::Config;
pub use progress::{NoProgress, Progress};
