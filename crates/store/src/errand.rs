//! Whose thread goes on with a request when an engine has completed its operation.
//!
//! Waking a thread can cost more than all that it then does. An engine that completes operations on
//! threads of its own therefore lends them: who is woken there may leave an errand, which runs as soon
//! as the completion is through and nothing is held any more. An errand must neither block nor take
//! long; what it causes to be woken in turn is not left here again.

use std::cell::RefCell;
use std::sync::Arc;

/// What a woken task has to do next, in short.
pub trait Errand: Send + Sync {
    fn run(self: Arc<Self>);
}

thread_local! {
    /// What was left with this thread; `None` when it lends no time.
    static LEFT: RefCell<Option<Vec<Arc<dyn Errand>>>> = const { RefCell::new(None) };
}

/// Completes operations by `work`, then runs the errands that were left meanwhile.
pub fn lend(work: impl FnOnce()) {
    let before = LEFT.replace(Some(Vec::new()));
    work();
    for errand in LEFT.replace(before).unwrap_or_default() {
        errand.run();
    }
}

/// Leaves an errand with this thread. Whether it lends its time just now; if not, nothing was left.
pub fn leave(errand: &Arc<impl Errand + 'static>) -> bool {
    LEFT.with_borrow_mut(|left| match left {
        Some(left) => {
            left.push(Arc::clone(errand) as Arc<dyn Errand>);
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Count {
        runs: AtomicUsize,
        taken_while_running: AtomicUsize,
    }

    impl Errand for Count {
        fn run(self: Arc<Self>) {
            self.runs.fetch_add(1, Ordering::Relaxed);
            let taken = usize::from(leave(&self));
            self.taken_while_running.fetch_add(taken, Ordering::Relaxed);
        }
    }

    #[test]
    fn errands_run_after_the_work_and_only_where_time_is_lent() {
        let count = Arc::new(Count::default());
        assert!(!leave(&count));
        lend(|| {
            assert!(leave(&count) && leave(&count));
            assert_eq!(count.runs.load(Ordering::Relaxed), 0);
        });
        assert_eq!(count.runs.load(Ordering::Relaxed), 2);
        assert_eq!(count.taken_while_running.load(Ordering::Relaxed), 0);
        assert!(!leave(&count));
    }
}
