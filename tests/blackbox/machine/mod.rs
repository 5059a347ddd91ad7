//! The real binary under real conditions: a guest that runs from it, and SIGKILL at any moment.

pub(crate) mod guest;
mod kill;
mod syncs;
