//! Bytes that all connections together may hold.
//!
//! A connection leases from the budget in large steps, so that most requests cost no atomic
//! operation at all. Who finds the budget empty leaves a waker and is woken by the next return.
//! The lock is held for a few instructions, never across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

/// Smallest lease; every connection keeps one.
const STEP_BYTES: u64 = 1 << 20;

/// The budget of one server.
#[derive(Debug)]
pub(crate) struct Budget {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: u64,
    waiting: Vec<Waker>,
}

impl Budget {
    pub(crate) fn new(total_bytes: u64) -> Arc<Budget> {
        let state = State { free: total_bytes, waiting: Vec::new() };
        Arc::new(Budget { state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one connection holds of the budget.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: Arc<Budget>,
    held: u64,
    held_max: u64,
    used: u64,
}

impl Lease {
    /// An empty lease that grows to `held_max` bytes at most.
    pub(crate) fn new(budget: &Arc<Budget>, held_max: u64) -> Lease {
        Lease { budget: Arc::clone(budget), held: 0, held_max, used: 0 }
    }

    /// Takes `bytes` beside the `queued` ones that wait to be sent. When it fails the task is
    /// woken once more is free; room in this connection's own share comes from its own progress.
    pub(crate) fn try_take(&mut self, bytes: u64, queued: u64, cx: &Context<'_>) -> bool {
        let needed = self.used + queued + bytes;
        // Alone, even a request above the connection's share is let through.
        if needed > self.held_max && self.used + queued > 0 {
            return false;
        }
        if needed > self.held && !self.grow(needed, cx) {
            return false;
        }
        self.used += bytes;
        true
    }

    /// Gives back what a request took.
    pub(crate) fn give_back(&mut self, bytes: u64) {
        self.used -= bytes;
    }

    /// Returns to the budget what an idle connection does not need.
    pub(crate) fn shrink(&mut self) {
        if self.used == 0 && self.held > STEP_BYTES {
            let surplus = self.held - STEP_BYTES;
            self.held = STEP_BYTES;
            self.release(surplus);
        }
    }

    fn grow(&mut self, needed: u64, cx: &Context<'_>) -> bool {
        let missing = needed.next_multiple_of(STEP_BYTES) - self.held;
        let mut state = self.budget.state();
        if state.free < missing {
            state.waiting.push(cx.waker().clone());
            return false;
        }
        state.free -= missing;
        self.held += missing;
        true
    }

    fn release(&self, bytes: u64) {
        let waiting = {
            let mut state = self.budget.state();
            state.free += bytes;
            std::mem::take(&mut state.waiting)
        };
        for waker in waiting {
            waker.wake();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.release(self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_share_the_budget_and_return_it() {
        let cx = Context::from_waker(Waker::noop());
        let budget = Budget::new(4 << 20);
        let mut one = Lease::new(&budget, 64 << 20);
        let mut two = Lease::new(&budget, 64 << 20);
        assert!(one.try_take(3 << 20, 0, &cx));
        assert!(!two.try_take(2 << 20, 0, &cx));
        assert!(two.try_take(1 << 20, 0, &cx));
        one.give_back(3 << 20);
        one.shrink();
        assert!(two.try_take(2 << 20, 0, &cx));
        drop((one, two));
        assert_eq!(budget.state().free, 4 << 20);
    }

    #[test]
    fn a_connection_has_its_own_share() {
        let cx = Context::from_waker(Waker::noop());
        let budget = Budget::new(64 << 20);
        let mut lease = Lease::new(&budget, 2 << 20);
        assert!(lease.try_take(2 << 20, 0, &cx));
        assert!(!lease.try_take(1, 0, &cx));
        lease.give_back(2 << 20);
        assert!(!lease.try_take(2 << 20, 1, &cx), "what waits to be sent counts");
        assert!(lease.try_take(3 << 20, 0, &cx), "alone, a larger one passes");
    }
}
