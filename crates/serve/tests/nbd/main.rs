//! The NBD server before its judges: public clients, and clients that lie.

#![allow(clippy::unwrap_used, reason = "in a test, to panic is to fail")]
#![allow(unreachable_pub, reason = "modules of one binary")]

mod client;
mod fixture;
mod hostile;
mod image;
mod judges;
mod ram;
mod semantics;
