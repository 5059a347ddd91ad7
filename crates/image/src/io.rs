//! Reading and writing an image.
//!
//! | file | what it holds |
//! |---|---|
//! | `border` | requests are checked once, here |
//! | `permit`, `gate` | who may write now, and draining |
//! | `plan` | what a request means for one object: pure |
//! | `read`, `parent` | bytes of the image, or of its ancestors |
//! | `change`, `copyup` | changes of one object; the parent's bytes first where they show through |
//! | `write`, `discard`, `compare_and_write`, `flush` | the requests |
//! | `copy_on_read` | reads of a clone that make the parent's bytes its own |
//! | `allocation` | which ranges hold data |
//! | `whole` | whether objects are all there is |
//! | `trim`, `flatten` | what resize and flatten do to data objects |
//!
//! A future of a changing request is to be polled to its end: the store completes what was
//! submitted in any case, and the gates open when the future goes.

mod allocation;
mod border;
mod change;
mod compare_and_write;
mod copy_on_read;
mod copyup;
mod discard;
mod error;
mod flatten;
mod flush;
mod gate;
mod parent;
mod permit;
mod pieces;
mod plan;
mod read;
mod trim;
mod whole;
mod write;

pub use error::IoError;
pub(crate) use gate::{Closed, Gate, Inside, ObjectGates};
