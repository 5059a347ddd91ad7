//! A gate that many may be inside of, until somebody closes it and waits for them to leave.
//!
//! Closing is how writes are drained: before a snapshot, before the lock is given back, before a
//! changed header is acknowledged; and, per object, before the object is removed. Whoever closed
//! it alone decides when it opens; several may hold it closed at once.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    inside: usize,
    closed: usize,
    waiting: Vec<Waker>,
}

/// Somebody is inside; dropping it leaves.
#[derive(Debug)]
pub(crate) struct Inside<'a>(&'a Gate);

/// The gate is closed and nobody is inside; dropping it opens.
#[derive(Debug)]
pub(crate) struct Closed<'a>(&'a Gate);

impl Gate {
    /// Waits until the gate is open, then goes in.
    pub(crate) async fn enter(&self) -> Inside<'_> {
        poll_fn(|context| {
            let mut state = self.state();
            if state.closed > 0 {
                return state.wait(context);
            }
            state.inside += 1;
            Poll::Ready(Inside(self))
        })
        .await
    }

    /// Keeps everybody out from now on, and waits until those inside have left.
    pub(crate) async fn close(&self) -> Closed<'_> {
        self.state().closed += 1;
        let closed = Closed(self);
        poll_fn(|context| {
            let mut state = self.state();
            if state.inside > 0 {
                return state.wait(context);
            }
            Poll::Ready(())
        })
        .await;
        closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wait<T>(&mut self, context: &Context<'_>) -> Poll<T> {
        if !self.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            self.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.inside -= 1;
        if state.inside == 0 && !state.waiting.is_empty() {
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            waiting.into_iter().for_each(Waker::wake);
        }
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.closed -= 1;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// One gate for each object, near enough: objects share a fixed number of them.
#[derive(Debug)]
pub(crate) struct ObjectGates {
    gates: [Gate; 64],
}

impl Default for ObjectGates {
    fn default() -> ObjectGates {
        ObjectGates { gates: std::array::from_fn(|_| Gate::default()) }
    }
}

impl ObjectGates {
    pub(crate) fn of(&self, number: u64) -> &Gate {
        &self.gates[(number % 64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn closing_waits_for_those_inside_and_keeps_others_out() {
        let gate = Gate::default();
        let first = gate.enter().now_or_never().expect("open");
        let second = gate.enter().now_or_never().expect("open");
        let mut closing = Box::pin(gate.close());
        assert!(closing.as_mut().now_or_never().is_none());
        drop(first);
        assert!(closing.as_mut().now_or_never().is_none());
        assert!(gate.enter().now_or_never().is_none());
        drop(second);
        let closed = closing.as_mut().now_or_never().expect("empty");
        let other = gate.close().now_or_never().expect("empty");
        drop(closed);
        assert!(gate.enter().now_or_never().is_none());
        drop(other);
        assert!(gate.enter().now_or_never().is_some());
    }

    #[test]
    fn giving_up_on_closing_opens_again() {
        let gate = Gate::default();
        let inside = gate.enter().now_or_never().expect("open");
        let mut closing = Box::pin(gate.close());
        assert!(closing.as_mut().now_or_never().is_none());
        drop(closing);
        assert!(gate.enter().now_or_never().is_some());
        drop(inside);
    }
}
