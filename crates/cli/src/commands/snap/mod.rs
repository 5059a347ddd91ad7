//! `rbd snap …`

pub(crate) mod create;
pub(crate) mod limit;
pub(crate) mod list;
pub(crate) mod protection;
pub(crate) mod purge;
pub(crate) mod remove;
pub(crate) mod rename;
pub(crate) mod rollback;
