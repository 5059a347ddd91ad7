//! The verbs, one a file: each plans, runs Ceph's order of steps, and flushes once at its end.
//!
//! Metadata steps are sent in order (`Ordered`), so that whatever a power cut leaves is a prefix of
//! the verb: a state that Ceph's own crashes leave, too. What fails is undone from the last step
//! back to the first; an error while undoing is not reported, the first one is.

pub mod create;

pub use create::{CreateError, CreateOptions, create};
