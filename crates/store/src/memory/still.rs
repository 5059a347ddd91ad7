//! The clock of a cluster that was given none.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::Env;
use crate::op::Timestamp;

/// Every look at the clock moves it by a microsecond, and nothing else does: sleepers sleep on.
#[derive(Debug, Default)]
pub(super) struct StillEnv {
    looks: AtomicU64,
}

/// 2026-01-01, so that times look like times.
const BEGIN_SECONDS: u32 = 1_767_225_600;

impl Env for StillEnv {
    /// Runs the task on the spot as far as it goes without waiting.
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let _ = task.now_or_never();
    }

    fn sleep(&self, _duration: Duration) -> BoxFuture<'static, ()> {
        std::future::pending().boxed()
    }

    fn now(&self) -> Timestamp {
        let micros = self.looks.fetch_add(1, Ordering::Relaxed);
        Timestamp {
            seconds: BEGIN_SECONDS.wrapping_add((micros / 1_000_000) as u32),
            nanoseconds: (micros % 1_000_000) as u32 * 1000,
        }
    }

    fn random(&self) -> u64 {
        super::schedule::mix(self.looks.fetch_add(1, Ordering::Relaxed))
    }
}
