//! How long work tells how far it is.

/// Receives progress. Called often, from the task that works: must be quick.
pub trait Progress: Send + Sync {
    /// `done` of `total` steps, in whatever unit the verb counts.
    fn update(&self, done: u64, total: u64);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn update(&self, _done: u64, _total: u64) {}
}
