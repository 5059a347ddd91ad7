//! The object classes `rbd`, `journal` and `lock`, as an OSD of Ceph 16.2 offers them.
//!
//! A method is a plain function of its arguments (a type of [`marcot_format::call`]) and of what
//! an [`ObjectContext`](marcot_store::class::ObjectContext) shows of the object. Results, errnos
//! and stored bytes are those of a live OSD; `recorded/` keeps what it answered, and every
//! method is played against that.

mod journal;
mod lock;
mod method;
mod omap;
mod rbd;
mod registry;

#[cfg(test)]
mod object;
#[cfg(test)]
mod replay;

use std::sync::Arc;

use marcot_store::class::Classes;

pub use registry::Registry;

/// Every class and method, for an engine that is being opened.
pub fn all() -> Arc<dyn Classes> {
    Arc::new(Registry::all())
}
