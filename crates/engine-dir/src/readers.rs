//! Threads that wait for reads from the medium.
//!
//! By the time that a job is queued the kernel has begun to read for it: a thread that takes jobs in
//! their order seldom waits long, and waking another costs more than most jobs (docs/decisions/0013).
//! So one is called only when more jobs wait than threads are at work. They lend their time
//! ([`marcot_store::errand`]) to who has nothing else under way. The queue's lock is held for a few
//! instructions, never during a job.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use marcot_store::errand;

/// A job that may wait for the medium.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// The most threads.
const THREADS: usize = 4;
/// Jobs that may wait for each thread at work before another is called.
const PATIENCE: usize = 1;

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    /// Threads that wait to be called.
    idle: usize,
    /// Calls that no thread has answered yet.
    calls: usize,
    closed: bool,
}

#[derive(Default)]
struct Waiting {
    queue: Mutex<Queue>,
    wake: Condvar,
}

/// The threads of one store. They end when it is dropped, with what is queued done.
#[derive(Default)]
pub(crate) struct Readers(Arc<Waiting>);

impl Readers {
    /// Runs a job, soon and elsewhere.
    pub(crate) fn submit(&self, job: Job) {
        let mut queue = self.0.lock();
        queue.jobs.push_back(job);
        let working = queue.threads - queue.idle;
        if queue.jobs.len() <= working * PATIENCE {
            return;
        }
        if queue.idle > 0 {
            // Whoever is called counts as at work from now on: further jobs need no further call.
            queue.idle -= 1;
            queue.calls += 1;
            drop(queue);
            return self.0.wake.notify_one();
        }
        if queue.threads == THREADS {
            return;
        }
        let waiting = Arc::clone(&self.0);
        let thread = std::thread::Builder::new().name("marcot-read".to_owned());
        match thread.spawn(move || waiting.work()) {
            Ok(_) => queue.threads += 1,
            Err(error) => {
                tracing::error!("no thread for reads: {error}");
                // Nobody else will: the caller waits itself.
                let left =
                    if queue.threads == 0 { std::mem::take(&mut queue.jobs) } else { return };
                drop(queue);
                left.into_iter().for_each(|job| job());
            }
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_all();
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                // A defect costs its own request an answer, and nobody who waits behind it.
                let _ = panic::catch_unwind(AssertUnwindSafe(|| errand::lend(job)));
                queue = self.lock();
                continue;
            }
            if queue.closed {
                return;
            }
            queue.idle += 1;
            while queue.calls == 0 && !queue.closed {
                queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            queue.calls = queue.calls.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn every_job_is_done_although_others_wait_and_panic() {
        let readers = Readers::default();
        let (sender, done) = channel();
        let (held, holding) = channel::<()>();
        readers.submit(Box::new(move || assert!(holding.recv().is_err(), "nothing is sent")));
        readers.submit(Box::new(|| panic!("a defect")));
        for number in 0..100 {
            let sender = sender.clone();
            readers.submit(Box::new(move || sender.send(number).expect("the test waits")));
        }
        // One thread is held, and as many jobs as threads are at work may wait for it.
        let mut numbers: Vec<i32> = (0..96).map(|_| done.recv().expect("they are done")).collect();
        drop((held, sender));
        numbers.extend(done);
        numbers.sort_unstable();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn what_waits_behind_a_defect_is_done_although_nothing_follows() {
        let readers = Readers::default();
        let (sender, done) = channel();
        let (held, holding) = channel::<()>();
        let (begun, begins) = channel();
        readers.submit(Box::new(move || {
            begun.send(()).expect("the test waits");
            panic!("a defect, after {:?}", holding.recv());
        }));
        begins.recv().expect("it begins");
        readers.submit(Box::new(move || sender.send(()).expect("the test waits")));
        drop(held);
        assert_eq!(done.recv_timeout(std::time::Duration::from_secs(20)), Ok(()));
    }

    #[test]
    fn what_is_queued_is_done_after_the_end() {
        let readers = Readers::default();
        let (sender, done) = channel();
        for number in 0..10 {
            let sender = sender.clone();
            readers.submit(Box::new(move || sender.send(number).expect("the test waits")));
        }
        drop((readers, sender));
        assert_eq!(done.iter().count(), 10);
    }
}
