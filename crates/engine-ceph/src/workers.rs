//! Threads for what librados only offers as blocking calls: monitor commands, pools, listing.
//!
//! A few per connection, started when needed, gone when idle; none of it is on the path of data.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Threads of one connection, at most.
const MOST: usize = 4;
/// How long a thread waits for more to do.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// The threads of one connection and what waits for them.
#[derive(Default)]
pub(crate) struct Workers {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Workers {
    /// Runs `job` on one of the threads. Whether there is a thread to run it.
    pub(crate) fn run(self: &Arc<Workers>, job: Job) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.queue.push_back(job);
        if state.idle < state.queue.len() && state.threads < MOST {
            let workers = Arc::clone(self);
            let thread = thread::Builder::new().name("marcot-ceph".to_owned());
            if thread.spawn(move || workers.work()).is_ok() {
                state.threads += 1;
            }
        }
        if state.threads == 0 {
            state.queue.pop_back();
            return false;
        }
        self.ready.notify_one();
        true
    }

    fn work(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = state.queue.pop_front() {
                drop(state);
                job();
                state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.idle += 1;
            let waited = self.ready.wait_timeout(state, IDLE);
            let (after, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            state = after;
            state.idle -= 1;
            if waited.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Workers")
    }
}
