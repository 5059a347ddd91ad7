//! Reading and writing an image.
//!
//! | file | what it holds |
//! |---|---|
//! | `border` | requests are checked once, here |
//! | `permit`, `gate`, `finish` | who may write now, draining, and coming to an end |
//! | `plan` | what a request means for one object: pure |
//! | `read`, `parent`, `absence` | bytes of the image, of its ancestors, or none |
//! | `change`, `copyup` | changes of one object; the parent's bytes first where they show through |
//! | `write`, `discard`, `compare_and_write`, `flush` | the requests |
//! | `copy_on_read` | reads of a clone that make the parent's bytes its own |
//! | `allocation` | which ranges hold data |
//! | `whole` | whether objects are all there is |
//! | `trim`, `flatten`, `sparsify` | what verbs do to data objects |
//!
//! Whoever drops the future of a changing request only ceases to wait: what was begun comes to its
//! end in a task of its own, and the gates open then.

mod absence;
mod allocation;
mod border;
mod change;
mod compare_and_write;
mod copy_on_read;
mod copyup;
mod discard;
mod error;
mod finish;
mod flatten;
mod flush;
mod gate;
mod parent;
mod permit;
mod pieces;
mod plan;
mod read;
mod sparsify;
mod trim;
mod whole;
mod write;

pub(crate) use absence::Absences;
pub use error::IoError;
pub(crate) use flatten::Pace;
pub(crate) use gate::{Closed, Gate, Inside, ObjectGates};
