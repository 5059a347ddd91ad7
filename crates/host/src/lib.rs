//! Many processes on one store: the owner serves its store to others over a Unix socket.
//!
//! A store has one owner at a time. When it is a resident host, other processes reach the store
//! through it: [`RemoteStore`] speaks the store traits as messages ([`protocol`]), [`server`]
//! answers them beside the data. What the two guarantee together:
//! * requests of one client on one object take effect in the order of the calls;
//! * a submitted request completes: when the owner dies, the client finds the next one (starting it
//!   if need be), resumes its session, registers its watches again and sends again what was not
//!   answered, under the same number, so that nothing is lost and nothing runs twice;
//! * only processes of the same user get in, and every length a peer names has a limit;
//! * a store is never taken from a live process: an owner that hangs leads to a time-out.
//!
//! This crate knows no engine and no image. Work that must run beside the data (an NBD export) is
//! handed over as an opaque job ([`jobs`]), with its listening socket.

pub mod client;
pub mod jobs;
pub mod log;
pub mod process;
pub mod protocol;
pub mod server;
pub mod socket;
pub mod spawn;

pub use client::{FindOwner, RemoteStore};
