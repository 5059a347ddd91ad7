//! Waiting for something to happen, without missing it between looking and waiting.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Counts events and wakes who waits for the next.
#[derive(Debug, Default)]
pub(super) struct Signal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    waiting: Vec<Waker>,
}

impl Signal {
    /// How many events there were: taken before looking, given to [`Signal::after`].
    pub(super) fn count(&self) -> u64 {
        self.state().count
    }

    pub(super) fn raise(&self) {
        let waiting = {
            let mut state = self.state();
            state.count += 1;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Resolves once there were more than `seen` events.
    pub(super) async fn after(&self, seen: u64) {
        poll_fn(|context| {
            let mut state = self.state();
            if state.count > seen {
                return Poll::Ready(());
            }
            if !state.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                state.waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn an_event_between_looking_and_waiting_is_not_missed() {
        let signal = Signal::default();
        let seen = signal.count();
        assert!(signal.after(seen).now_or_never().is_none());
        signal.raise();
        assert!(signal.after(seen).now_or_never().is_some());
        assert!(signal.after(signal.count()).now_or_never().is_none());
    }
}
