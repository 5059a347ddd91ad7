//! The real world for tests: wall clock, one thread a task, one thread a timer.

use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use marcot_store::Env;
use marcot_store::op::Timestamp;

use crate::Random;

/// Real time, seeded randomness.
#[derive(Debug)]
pub struct ThreadEnv {
    random: Mutex<Random>,
}

impl ThreadEnv {
    pub fn new(seed: u64) -> ThreadEnv {
        ThreadEnv { random: Mutex::new(Random::new(seed)) }
    }
}

#[derive(Default)]
struct Timer {
    over: bool,
    waker: Option<Waker>,
}

impl Env for ThreadEnv {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        thread::spawn(move || pollster::block_on(task));
    }

    /// The timer starts with the call.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let timer = Arc::new(Mutex::new(Timer::default()));
        let shared = timer.clone();
        thread::spawn(move || {
            thread::sleep(duration);
            let mut timer = shared.lock().expect("no holder of this lock panics");
            timer.over = true;
            if let Some(waker) = timer.waker.take() {
                waker.wake();
            }
        });
        std::future::poll_fn(move |context| {
            let mut timer = timer.lock().expect("no holder of this lock panics");
            if timer.over {
                return Poll::Ready(());
            }
            timer.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .boxed()
    }

    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp { seconds: since.as_secs() as u32, nanoseconds: since.subsec_nanos() }
    }

    fn random(&self) -> u64 {
        self.random.lock().expect("no holder of this lock panics").next_u64()
    }
}
