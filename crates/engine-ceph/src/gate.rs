//! Who uses a connection just now, so that nobody ends it under them.
//!
//! Every call of librados and every operation in flight holds a [`Ticket`]. A closed gate gives out
//! no more; whoever closes it waits for those that are out. Taking and giving back are one atomic
//! instruction each, but for the last ticket of a closed gate.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Set in the count when no more tickets are given.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// Counts tickets.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    out: AtomicUsize,
    waiting: Mutex<()>,
    last_returned: Condvar,
}

/// Permission to use the connection until dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    gate: Arc<Gate>,
}

impl Gate {
    /// `None` when the gate is closed.
    pub(crate) fn enter(self: &Arc<Gate>) -> Option<Ticket> {
        let before = self.out.fetch_add(1, Ordering::AcqRel);
        let ticket = Ticket { gate: Arc::clone(self) };
        // Dropping the ticket takes the count back.
        (before & CLOSED == 0).then_some(ticket)
    }

    /// Gives out no more tickets.
    pub(crate) fn close(&self) {
        self.out.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// Whether every ticket of the closed gate came back within `patience`.
    pub(crate) fn wait(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while self.out.load(Ordering::Acquire) != CLOSED {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.last_returned.wait_timeout(waiting, left);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Ticket {
    /// One more for who holds a ticket already, also when the gate is closed.
    pub(crate) fn another(&self) -> Ticket {
        self.gate.out.fetch_add(1, Ordering::AcqRel);
        Ticket { gate: Arc::clone(&self.gate) }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.gate.out.fetch_sub(1, Ordering::AcqRel) == CLOSED | 1 {
            let _waiting = self.gate.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            self.gate.last_returned.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_gate_waits_for_its_tickets_and_gives_no_more() {
        let gate = Arc::new(Gate::default());
        let (first, second) = (gate.enter().unwrap(), gate.enter().unwrap());
        gate.close();
        assert!(gate.enter().is_none());
        drop(first);
        assert!(!gate.wait(Duration::from_millis(1)));
        let returning = std::thread::spawn(move || drop(second));
        assert!(gate.wait(Duration::from_secs(60)));
        returning.join().unwrap();
    }
}
