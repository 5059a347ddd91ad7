//! `marcot nbd`: images as network block devices.

pub(crate) mod job;
pub(crate) mod serve;
