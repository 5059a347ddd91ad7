//! The end of a connection, and of the process.
//!
//! A connection is shut down once, when nothing uses it ([`crate::gate`]), never on a thread of
//! librados, which would wait for itself. A process that ends first closes what is left: librados'
//! own clean-up at exit would otherwise run under its threads, or under ours that are just shutting
//! down, and they crash. A connection with something in flight that does not end is left alone, and
//! so is one that ends with the process; then a process that ends skips that clean-up. What librados
//! was told to log in the last instant may be missing from its log then.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::{Arc, Condvar, Mutex, Once, PoisonError};
use std::thread;
use std::time::Duration;

use crate::completion::on_librados_thread;
use crate::connecting::Ends;
use crate::connection::CephCluster;

/// How long a closing waits for what is in flight.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same when the process ends.
const PATIENCE_AT_EXIT: Duration = Duration::from_secs(3);

/// The connections that are not shut down.
static LIVE: Mutex<Vec<Arc<CephCluster>>> = Mutex::new(Vec::new());

/// How far the end of a connection has come.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    phase: Mutex<Phase>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    Closing,
    ShutDown,
    /// Something in flight did not end, or the process is to end with the connection open.
    LeftAlone,
}

/// Remembers a new connection.
pub(crate) fn remember(cluster: &Arc<CephCluster>) {
    static AT_EXIT: Once = Once::new();
    // After librados was loaded: what is registered last runs first.
    // SAFETY: the function is there as long as the process.
    AT_EXIT.call_once(|| unsafe {
        on_exit(close_all, ptr::null_mut());
    });
    LIVE.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(cluster));
}

/// Closes a connection that nobody wants any more.
pub(crate) fn close(cluster: &Arc<CephCluster>) {
    if !on_librados_thread() {
        shut_down(cluster, PATIENCE);
        return;
    }
    let other = Arc::clone(cluster);
    // Without a thread it stays open until the process ends.
    let _ = thread::Builder::new()
        .name("marcot-ceph-end".to_owned())
        .spawn(move || shut_down(&other, PATIENCE));
}

/// Whether the connection is shut down.
fn shut_down(cluster: &Arc<CephCluster>, patience: Duration) -> bool {
    let closing = &cluster.closing;
    let mut phase = closing.phase.lock().unwrap_or_else(PoisonError::into_inner);
    if *phase == Phase::Closing {
        // Somebody else is at it: they have waited already, or will.
        let waited =
            closing.changed.wait_timeout_while(phase, patience, |phase| *phase == Phase::Closing);
        phase = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    if *phase != Phase::Open {
        return *phase == Phase::ShutDown;
    }
    *phase = Phase::Closing;
    drop(phase);
    let over = cluster.fall_idle(patience) && cluster.ends == Ends::WithStore;
    if over {
        cluster.end();
        LIVE.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|live| !Arc::ptr_eq(live, cluster));
    }
    let phase = if over { Phase::ShutDown } else { Phase::LeftAlone };
    *closing.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    closing.changed.notify_all();
    over
}

unsafe extern "C" fn close_all(status: c_int, _: *mut c_void) {
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    // Each is given its time, whatever became of those before.
    let left = live.iter().filter(|cluster| !shut_down(cluster, PATIENCE_AT_EXIT)).count();
    if left > 0 {
        // SAFETY: ends the process at once; nothing of ours is buffered in the C library.
        unsafe { _exit(status) }
    }
}

unsafe extern "C" {
    /// As `atexit`, and the function is told the status. Of the GNU C library, which librados needs.
    fn on_exit(function: unsafe extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
    fn _exit(status: c_int) -> !;
}
