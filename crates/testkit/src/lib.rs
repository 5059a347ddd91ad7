//! What tests of every crate share.
//!
//! * [`conformance`]: the suite that defines the store contract; each engine's tests run it whole
//!   with [`conformance!`];
//! * [`model`]: random operations on an engine against plain byte vectors;
//! * [`crash`]: every moment at which power can go, on an engine over a simulated disk;
//! * [`Subject`]: a store under test with short verbs; [`SampleClasses`]: methods to call on it;
//! * [`ThreadEnv`]: clock, timers and tasks on plain threads; [`Random`]: seeded numbers;
//!   [`adler32`]: sums of bytes.

pub mod conformance;
pub mod crash;
pub mod model;

mod adler32;
mod random;
mod sample_classes;
mod subject;
mod thread_env;

pub use adler32::adler32;
pub use random::Random;
pub use sample_classes::SampleClasses;
pub use subject::{Offer, Subject, bytes, context, put};
pub use thread_env::ThreadEnv;
