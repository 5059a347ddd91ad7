//! `marcot nbd`: images as network block devices.

pub(crate) mod job;
pub(crate) mod ls;
mod running;
pub(crate) mod serve;
