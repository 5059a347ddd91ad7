//! What tests of every crate share.
//!
//! * [`conformance`]: the suite that defines the store contract; each engine's tests run it whole
//!   with [`conformance!`];
//! * [`model`]: random operations on an engine against plain byte vectors;
//! * [`Subject`]: a store under test with short verbs; [`SampleClasses`]: methods to call on it;
//! * [`ThreadEnv`]: clock, timers and tasks on plain threads; [`Random`]: seeded numbers.

pub mod conformance;
pub mod model;

mod random;
mod sample_classes;
mod subject;
mod thread_env;

pub use random::Random;
pub use sample_classes::SampleClasses;
pub use subject::{Subject, bytes, context, put};
pub use thread_env::ThreadEnv;
