//! When operations run: at once, or, on a hostile cluster, in a seeded order of its own.
//!
//! A hostile cluster takes operations in without running them. Whoever polls one runs a random
//! other first, so that un-awaited operations on different objects change places; on one object
//! the order of submission stays. An operation whose future is dropped still runs, some time.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_channel::oneshot;
use futures_util::FutureExt;

use super::Shared;
use super::state::State;
use crate::ObjectId;

type Task = Box<dyn FnOnce(&mut State) + Send>;

/// Operations taken in and not yet run.
pub(super) struct Schedule {
    waiting: Mutex<Waiting>,
}

struct Waiting {
    seed: u64,
    tasks: Vec<(ObjectId, Task)>,
}

impl Schedule {
    pub(super) fn new(seed: u64) -> Schedule {
        Schedule { waiting: Mutex::new(Waiting { seed, tasks: Vec::new() }) }
    }

    pub(super) fn push(&self, object: ObjectId, task: Task) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.tasks.push((object, task));
    }

    /// Runs one operation; `false` when there is none. The queue stays locked meanwhile, or two
    /// threads could run two operations of one object in the wrong order.
    pub(super) fn run_one(&self, shared: &Shared) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.tasks.is_empty() {
            return false;
        }
        waiting.seed = mix(waiting.seed);
        let picked = (waiting.seed % waiting.tasks.len() as u64) as usize;
        let object = waiting.tasks[picked].0.clone();
        let first = waiting.tasks.iter().position(|(other, _)| *other == object).unwrap_or(picked);
        let (_, task) = waiting.tasks.remove(first);
        task(&mut shared.state());
        true
    }
}

/// One step of splitmix64.
pub(super) fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The answer of an operation that may not have run yet. Never ready at the first poll.
pub(super) struct Deferred<T> {
    pub(super) shared: std::sync::Arc<Shared>,
    pub(super) answer: oneshot::Receiver<T>,
    pub(super) polled: bool,
}

impl<T> Future for Deferred<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if self.polled {
            match self.answer.poll_unpin(context) {
                Poll::Ready(Ok(value)) => return Poll::Ready(value),
                Poll::Ready(Err(_)) => panic!("the operation panicked: see the message before"),
                Poll::Pending => {}
            }
        }
        self.polled = true;
        self.shared.schedule.as_ref().map(|schedule| schedule.run_one(&self.shared));
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
