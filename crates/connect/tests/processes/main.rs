//! Many processes on one embedded store, by every way that leads to it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod counting;
mod roles;
mod sharing;
