//! Bytes that all connections together may hold.
//!
//! Every connection has a first step of its own, outside the budget, so that small requests go on
//! whatever others do. Beyond it a connection leases in whole steps, so that most requests cost no
//! atomic operation at all. Who finds the budget empty leaves a waker and is woken by the next
//! return. The lock is held for a few instructions, never across an await.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

/// What every connection has of its own, and the smallest lease.
const STEP_BYTES: u64 = 1 << 20;

/// The budget of one server.
#[derive(Debug)]
pub(crate) struct Budget {
    state: Mutex<State>,
    /// Whether somebody waits; written under the lock, read without it.
    contended: AtomicBool,
}

#[derive(Debug)]
struct State {
    free: u64,
    leases_made: u64,
    /// Lease → who waits with it. A waker cannot be told apart by looking at it.
    waiting: BTreeMap<u64, Waker>,
}

impl Budget {
    pub(crate) fn new(total_bytes: u64) -> Arc<Budget> {
        let state = State { free: total_bytes, leases_made: 0, waiting: BTreeMap::new() };
        Arc::new(Budget { state: Mutex::new(state), contended: AtomicBool::new(false) })
    }

    /// Whether a connection waits for others to give something back.
    pub(crate) fn is_contended(&self) -> bool {
        self.contended.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one connection holds of the budget.
#[derive(Debug)]
pub(crate) struct Lease {
    budget: Arc<Budget>,
    number: u64,
    held: u64,
    held_max: u64,
    used: u64,
}

impl Lease {
    /// A lease that grows to `held_max` bytes at most.
    pub(crate) fn new(budget: &Arc<Budget>, held_max: u64) -> Lease {
        let number = {
            let mut state = budget.state();
            state.leases_made += 1;
            state.leases_made
        };
        Lease { budget: Arc::clone(budget), number, held: STEP_BYTES, held_max, used: 0 }
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

    /// Returns to the budget what is not needed beside the `queued` bytes that wait to be sent: by
    /// a connection at rest at once, by a busy one when others wait.
    pub(crate) fn shrink(&mut self, queued: u64) {
        let needed = (self.used + queued).next_multiple_of(STEP_BYTES).max(STEP_BYTES);
        if self.held > needed && (needed == STEP_BYTES || self.budget.is_contended()) {
            let surplus = self.held - needed;
            self.held = needed;
            self.release(surplus);
        }
    }

    /// Whether others wait while this connection holds more than its own step.
    pub(crate) fn is_in_the_way(&self) -> bool {
        self.held > STEP_BYTES && self.budget.is_contended()
    }

    fn grow(&mut self, needed: u64, cx: &Context<'_>) -> bool {
        let missing = needed.next_multiple_of(STEP_BYTES) - self.held;
        let mut state = self.budget.state();
        if state.free < missing {
            state.waiting.insert(self.number, cx.waker().clone());
            self.budget.contended.store(true, Ordering::Relaxed);
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
            self.budget.contended.store(false, Ordering::Relaxed);
            std::mem::take(&mut state.waiting)
        };
        for waker in waiting.into_values() {
            waker.wake();
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.release(self.held - STEP_BYTES);
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
        assert!(one.try_take(4 << 20, 0, &cx));
        assert!(!two.try_take(3 << 20, 0, &cx));
        assert!(one.is_in_the_way() && !two.is_in_the_way());
        assert!(two.try_take(1 << 20, 0, &cx), "its own step");
        assert!(two.try_take(1 << 20, 0, &cx), "what is left");
        one.give_back(4 << 20);
        two.shrink(0);
        one.shrink(0);
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

    #[test]
    fn a_busy_connection_gives_way() {
        let cx = Context::from_waker(Waker::noop());
        let budget = Budget::new(8 << 20);
        let mut busy = Lease::new(&budget, 64 << 20);
        let mut other = Lease::new(&budget, 64 << 20);
        assert!(busy.try_take(2 << 20, 0, &cx) && busy.try_take(7 << 20, 0, &cx));
        busy.give_back(7 << 20);
        busy.shrink(0);
        assert!(!other.try_take(4 << 20, 0, &cx), "kept while nobody waited");
        busy.shrink(0);
        assert!(other.try_take(4 << 20, 0, &cx));
    }

    #[test]
    fn who_waits_leaves_one_waker() {
        let cx = Context::from_waker(Waker::noop());
        let budget = Budget::new(0);
        let mut lease = Lease::new(&budget, 64 << 20);
        for _ in 0..10 {
            assert!(!lease.try_take(2 << 20, 0, &cx));
        }
        assert_eq!(budget.state().waiting.len(), 1);
    }
}
