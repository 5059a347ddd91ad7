//! Group commit: whoever waits for durability at the same time shares one sync of the device.
//!
//! A thread of its own runs the syncs, started with the first waiter; it also syncs when enough has
//! been written or some time has passed, so that freed blocks come back. Lock order: round, core.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_channel::oneshot;
use marcot_store::StoreError;

use crate::engine::Shared;
use crate::planted::{Defect, planted};
use crate::units::Run;

/// Written bytes after which a sync begins by itself.
const UNSYNCED_BYTES: u64 = 16 << 20;
/// Time after which it does.
const UNSYNCED_TIME: Duration = Duration::from_secs(2);

type Outcome = Result<(), StoreError>;

#[derive(Debug, Default)]
struct Queue {
    waiters: Vec<oneshot::Sender<Outcome>>,
    wanted: bool,
    stop: bool,
    running: bool,
}

/// Who waits for the next sync.
#[derive(Debug, Default)]
pub(crate) struct Syncs {
    queue: Mutex<Queue>,
    wake: Condvar,
    /// Whether the thread knows that something is un-synced.
    armed: AtomicBool,
    /// Held during a sync: one at a time.
    round: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Syncs what has been written so far. Yields runs that are worth giving back.
    fn sync_round(&self) -> Result<Vec<Run>, StoreError> {
        let _round = lock(&self.syncs.round);
        let target = self.core().begin_sync()?;
        let outcome = match planted(Defect::FlushWithoutSync) {
            true => Ok(()),
            false => self.device.sync(),
        };
        self.core().finish_sync(target, &outcome)
    }

    /// Gives runs of free blocks back to the file system.
    pub(crate) fn punch(&self, runs: &[Run]) -> Result<(), StoreError> {
        if runs.is_empty() {
            return Ok(());
        }
        for run in runs {
            // A file system that cannot do it keeps the space; the blocks are free all the same.
            if let Err(error) = self.device.punch(run.offset(), run.bytes()) {
                tracing::debug!("punching a hole failed: {error}");
            }
        }
        self.core().punched(runs)
    }

    /// Syncs, on the caller's own time.
    pub(crate) fn sync_now(&self) -> Outcome {
        let runs = self.sync_round()?;
        self.punch(&runs)
    }

    /// Resolves when everything written before the call is durable.
    pub(crate) fn flushed(self: &Arc<Self>) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        let mut queue = lock(&self.syncs.queue);
        if queue.stop {
            drop(queue);
            let _ = sender.send(self.sync_now());
            return receiver;
        }
        queue.waiters.push(sender);
        self.start_thread(&mut queue);
        self.syncs.wake.notify_one();
        receiver
    }

    /// Begins a sync when much has been written since the last.
    pub(crate) fn note_unsynced(self: &Arc<Self>, bytes: u64) {
        if bytes < UNSYNCED_BYTES {
            let known = self.syncs.armed.swap(true, Ordering::AcqRel);
            if !known && lock(&self.syncs.queue).running {
                self.syncs.wake.notify_one();
            }
            return;
        }
        let mut queue = lock(&self.syncs.queue);
        if !queue.wanted && !queue.stop {
            queue.wanted = true;
            self.start_thread(&mut queue);
            self.syncs.wake.notify_one();
        }
    }

    fn start_thread(self: &Arc<Self>, queue: &mut Queue) {
        if queue.running {
            return;
        }
        queue.running = true;
        let shared = Arc::clone(self);
        let thread = std::thread::Builder::new().name("marcot-sync".to_owned());
        match thread.spawn(move || shared.sync_thread()) {
            Ok(thread) => self.keep_thread(thread),
            Err(error) => {
                // Without threads there is still the caller's own time.
                tracing::error!("no thread for syncs: {error}");
                queue.running = false;
                let outcome = self.sync_now();
                queue.waiters.drain(..).for_each(|waiter| drop(waiter.send(outcome.clone())));
            }
        }
    }

    fn sync_thread(&self) {
        loop {
            let waiters = {
                let mut queue = lock(&self.syncs.queue);
                while queue.waiters.is_empty() && !queue.wanted && !queue.stop {
                    let (woken, timeout) = self.wait(queue);
                    queue = woken;
                    queue.wanted |= timeout;
                }
                if queue.stop && queue.waiters.is_empty() {
                    return;
                }
                queue.wanted = false;
                std::mem::take(&mut queue.waiters)
            };
            let outcome = self.sync_round();
            let told = outcome.as_ref().map(|_| ()).map_err(StoreError::clone);
            waiters.into_iter().for_each(|waiter| drop(waiter.send(told.clone())));
            if let Err(error) = outcome.and_then(|runs| self.punch(&runs)) {
                tracing::error!("{error}");
            }
        }
    }

    /// Waits to be woken; for a while only when something is un-synced, and tells then whether time
    /// ran out. When all has been quiet for a while the superblock says how far the store is synced.
    fn wait<'q>(&self, queue: MutexGuard<'q, Queue>) -> (MutexGuard<'q, Queue>, bool) {
        // Disarmed before the look: a write after the look finds it so and wakes the thread.
        self.syncs.armed.store(false, Ordering::Release);
        let (is_dirty, has_told) = {
            let core = self.core();
            (core.is_dirty_and_sound(), core.has_told_synced())
        };
        if !is_dirty && !has_told {
            let (woken, timeout) = self.wait_a_while(queue);
            if timeout {
                self.core().tell_synced();
            }
            return (woken, false);
        }
        if !is_dirty {
            let woken = self.syncs.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            return (woken, false);
        }
        self.syncs.armed.store(true, Ordering::Release);
        self.wait_a_while(queue)
    }

    fn wait_a_while<'q>(&self, queue: MutexGuard<'q, Queue>) -> (MutexGuard<'q, Queue>, bool) {
        let waited = self.syncs.wake.wait_timeout(queue, UNSYNCED_TIME);
        let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        (woken, timeout.timed_out())
    }

    /// Tells the thread to end once nobody waits.
    pub(crate) fn stop_syncs(&self) {
        lock(&self.syncs.queue).stop = true;
        self.syncs.wake.notify_all();
    }
}
