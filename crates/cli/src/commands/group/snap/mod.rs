//! `rbd group snap …`

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod rename;
pub(crate) mod rollback;
