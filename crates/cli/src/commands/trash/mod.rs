//! `rbd trash …`

pub(crate) mod list;
pub(crate) mod move_to;
pub(crate) mod purge;
pub(crate) mod remove;
pub(crate) mod restore;
pub(crate) mod schedule;
