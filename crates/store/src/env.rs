//! Time, randomness and tasks as inputs, so that a run can be replayed from a seed.

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::op::Timestamp;

/// What code below the front ends may take from the outside world.
///
/// Front ends bring a real one, tests a seeded one. Nothing in `image` or `store` reads a clock,
/// draws a random number or starts a task in another way.
pub trait Env: Send + Sync {
    /// Runs a task to its end, whether or not anybody waits for it.
    fn spawn(&self, task: BoxFuture<'static, ()>);
    /// Resolves after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// A random number.
    fn random(&self) -> u64;
}
