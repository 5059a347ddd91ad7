//! The outside world of a real process: wall clock, the kernel's randomness, threads.
//!
//! A short command that starts no task and never sleeps starts no thread here. Tasks run on a few
//! workers, started as tasks come; a task that waits holds none of them. Sleeps share one thread.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::BoxFuture;
use marcot_store::Env;
use marcot_store::op::Timestamp;

/// Threads that run tasks, at most.
const WORKERS: usize = 4;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The production [`Env`]. Clones share their threads.
#[derive(Clone, Default)]
pub struct ProcessEnv {
    executor: Arc<Executor>,
    timer: Arc<OnceLock<Arc<Timer>>>,
}

impl ProcessEnv {
    /// Waits until every task that was spawned has ended, and says whether that came to pass within
    /// `limit`. For the end of a process.
    pub fn drain(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        let mut state = locked(&self.executor.state);
        while state.unfinished > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.executor.finished.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Env for ProcessEnv {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.executor.spawn(task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let timer = Arc::clone(self.timer.get_or_init(Timer::start));
        let until = Instant::now() + duration;
        Box::pin(Sleep { timer, until })
    }

    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp {
            seconds: u32::try_from(since.as_secs()).unwrap_or(u32::MAX),
            nanoseconds: since.subsec_nanos(),
        }
    }

    fn random(&self) -> u64 {
        getrandom::u64().expect("the kernel always has random numbers once it has booted")
    }
}

impl fmt::Debug for ProcessEnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProcessEnv")
    }
}

/// Tasks that are ready, and the workers that run them.
#[derive(Default)]
struct Executor {
    state: Mutex<ExecutorState>,
    ready: Condvar,
    finished: Condvar,
}

#[derive(Default)]
struct ExecutorState {
    queue: VecDeque<Arc<Task>>,
    workers: usize,
    idle: usize,
    unfinished: usize,
}

/// A task; its future is taken out while it runs.
struct Task {
    executor: Arc<Executor>,
    future: Mutex<Option<BoxFuture<'static, ()>>>,
}

impl Executor {
    fn spawn(self: &Arc<Executor>, future: BoxFuture<'static, ()>) {
        locked(&self.state).unfinished += 1;
        let task = Task { executor: Arc::clone(self), future: Mutex::new(Some(future)) };
        self.enqueue(Arc::new(task));
    }

    fn enqueue(self: &Arc<Executor>, task: Arc<Task>) {
        let mut state = locked(&self.state);
        state.queue.push_back(task);
        if state.idle < state.queue.len() && state.workers < WORKERS {
            let executor = Arc::clone(self);
            let worker = thread::Builder::new().name("marcot-task".to_owned());
            match worker.spawn(move || executor.work()) {
                Ok(_) => state.workers += 1,
                Err(error) => assert!(state.workers > 0, "starting a thread: {error}"),
            }
        }
        self.ready.notify_one();
    }

    fn work(&self) {
        let mut state = locked(&self.state);
        loop {
            match state.queue.pop_front() {
                Some(task) => {
                    drop(state);
                    let done = run(&task);
                    state = locked(&self.state);
                    if done {
                        state.unfinished -= 1;
                        self.finished.notify_all();
                    }
                }
                None => {
                    state.idle += 1;
                    state = self.ready.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.idle -= 1;
                }
            }
        }
    }
}

/// Polls a task once; whether it has ended. A task that panics has ended.
fn run(task: &Arc<Task>) -> bool {
    let waker = Waker::from(Arc::clone(task));
    // Held while polling: a wake-up meanwhile queues the task, and another worker waits here.
    let mut slot = locked(&task.future);
    let Some(mut future) = slot.take() else {
        return false;
    };
    let poll = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        future.as_mut().poll(&mut Context::from_waker(&waker))
    }));
    match poll {
        Ok(Poll::Pending) => {
            *slot = Some(future);
            false
        }
        Ok(Poll::Ready(())) => true,
        Err(_) => {
            tracing::error!("a task panicked");
            true
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Task>) {
        let executor = Arc::clone(&self.executor);
        executor.enqueue(self);
    }
}

/// Sleepers by the moment they wake.
struct Timer {
    sleepers: Mutex<BinaryHeap<Reverse<Sleeper>>>,
    changed: Condvar,
}

struct Sleeper {
    until: Instant,
    waker: Waker,
}

impl PartialEq for Sleeper {
    fn eq(&self, other: &Sleeper) -> bool {
        self.until == other.until
    }
}

impl Eq for Sleeper {}

impl PartialOrd for Sleeper {
    fn partial_cmp(&self, other: &Sleeper) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sleeper {
    fn cmp(&self, other: &Sleeper) -> std::cmp::Ordering {
        self.until.cmp(&other.until)
    }
}

impl Timer {
    fn start() -> Arc<Timer> {
        let timer = Arc::new(Timer { sleepers: Mutex::default(), changed: Condvar::new() });
        let running = Arc::clone(&timer);
        let thread = thread::Builder::new().name("marcot-timer".to_owned());
        thread.spawn(move || running.run()).expect("one thread can be started");
        timer
    }

    fn run(&self) {
        let mut sleepers = locked(&self.sleepers);
        loop {
            let now = Instant::now();
            let wait = match sleepers.peek() {
                None => None,
                Some(Reverse(first)) if first.until > now => Some(first.until - now),
                Some(_) => {
                    let due = sleepers.pop();
                    drop(sleepers);
                    if let Some(Reverse(sleeper)) = due {
                        sleeper.waker.wake();
                    }
                    sleepers = locked(&self.sleepers);
                    continue;
                }
            };
            sleepers = match wait {
                None => self.changed.wait(sleepers).unwrap_or_else(PoisonError::into_inner),
                Some(wait) => {
                    let waited = self.changed.wait_timeout(sleepers, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// Resolves at its moment. Each poll before that leaves one more (harmless) wake-up.
struct Sleep {
    timer: Arc<Timer>,
    until: Instant,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.until {
            return Poll::Ready(());
        }
        let sleeper = Sleeper { until: self.until, waker: context.waker().clone() };
        locked(&self.timer.sleepers).push(Reverse(sleeper));
        self.timer.changed.notify_one();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures_channel::oneshot;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_task_that_never_ends_does_not_keep_a_process() {
        let env = ProcessEnv::default();
        env.spawn(Box::pin(std::future::pending()));
        assert!(!env.drain(Duration::from_millis(1)));
    }

    #[test]
    fn tasks_run_to_their_end_though_nobody_waits() {
        let env = ProcessEnv::default();
        let (sender, receiver) = oneshot::channel::<u32>();
        let (ended, end) = oneshot::channel();
        env.spawn(Box::pin(async move {
            let _ = ended.send(receiver.await);
        }));
        for _ in 0..100 {
            env.spawn(Box::pin(async {}));
        }
        sender.send(7).unwrap();
        assert_eq!(pollster::block_on(end).unwrap(), Ok(7));
        assert!(env.drain(LONG));
    }

    #[test]
    fn a_task_that_panics_takes_nobody_along() {
        let env = ProcessEnv::default();
        env.spawn(Box::pin(async { panic!("as expected") }));
        assert!(env.drain(LONG));
        let (ended, end) = oneshot::channel();
        env.spawn(Box::pin(async move {
            let _ = ended.send(());
        }));
        pollster::block_on(end).unwrap();
    }

    #[test]
    fn sleeps_end_in_the_order_of_their_moments() {
        let env = ProcessEnv::default();
        let order = Arc::new(Mutex::new(Vec::new()));
        for milliseconds in [600, 1, 300] {
            let (sleep, order) =
                (env.sleep(Duration::from_millis(milliseconds)), Arc::clone(&order));
            env.spawn(Box::pin(async move {
                sleep.await;
                locked(&order).push(milliseconds);
            }));
        }
        assert!(env.drain(LONG));
        assert_eq!(*locked(&order), [1, 300, 600]);
    }

    #[test]
    fn nothing_runs_before_it_is_needed() {
        let env = ProcessEnv::default();
        assert!(env.now().seconds > 1_600_000_000);
        assert_ne!(env.random(), env.random());
        assert_eq!(locked(&env.executor.state).workers, 0);
        assert!(env.timer.get().is_none());
    }
}
