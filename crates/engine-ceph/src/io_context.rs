//! Where operations go: one librados I/O context per pool, namespace and view of snapshots.
//!
//! A context's settings are not safe to change while it is in use, so they are set once, before
//! anybody else sees it. A changed snap context is another context.

use std::collections::HashMap;
use std::ffi::CString;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use marcot_store::{Errno, ObjectId, PoolId, Result, SnapContext, SnapId, StoreError};

use crate::connecting::WhenFull;
use crate::library::{Handle, Librados};

/// Which snapshots an I/O context knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum View {
    Read(SnapId),
    Write(SnapContext),
    /// All clones of an object at once.
    Clones,
}

/// `CEPH_SNAPDIR`.
const SNAPSHOT_DIRECTORY: u64 = u64::MAX;

/// One I/O context of librados.
pub(crate) struct IoContext {
    pub(crate) rados: &'static Librados,
    pub(crate) handle: Handle,
}

// SAFETY: librados' contexts may be used from any thread; the settings, which may not, are made
// before the context is shared.
unsafe impl Send for IoContext {}
// SAFETY: as above.
unsafe impl Sync for IoContext {}

impl Drop for IoContext {
    fn drop(&mut self) {
        // SAFETY: the last user; librados counts operations in flight itself.
        unsafe { (self.rados.ioctx_destroy)(self.handle) }
    }
}

impl std::fmt::Debug for IoContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IoContext").finish_non_exhaustive()
    }
}

type Key = (PoolId, Arc<str>, View);

/// The contexts of one connection. Bounded: when full, those that nobody uses go.
#[derive(Debug)]
pub(crate) struct IoContexts {
    when_full: WhenFull,
    made: Mutex<HashMap<Key, Arc<IoContext>>>,
}

const KEPT: usize = 256;

impl IoContexts {
    pub(crate) fn new(when_full: WhenFull) -> IoContexts {
        IoContexts { when_full, made: Mutex::default() }
    }

    /// The context for `object` under `view`, made on first use.
    pub(crate) fn get(
        &self,
        rados: &'static Librados,
        cluster: Handle,
        object: &ObjectId,
        view: View,
    ) -> Result<Arc<IoContext>> {
        let key = (object.pool, Arc::clone(&object.namespace), view);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(context) = made.get(&key) {
            return Ok(Arc::clone(context));
        }
        if made.len() >= KEPT {
            made.retain(|_, context| Arc::strong_count(context) > 1);
        }
        let context = Arc::new(open(rados, cluster, &key, self.when_full)?);
        made.insert(key, Arc::clone(&context));
        Ok(context)
    }

    /// Lets go of every context, before the connection ends.
    pub(crate) fn clear(&self) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn open(
    rados: &'static Librados,
    cluster: Handle,
    key: &Key,
    when_full: WhenFull,
) -> Result<IoContext> {
    let (pool, namespace, view) = key;
    let refused =
        |result: i32| StoreError::new(Errno::from_raw(-result), format!("open pool {}", pool.0));
    let namespace = CString::new(&**namespace)
        .map_err(|_| StoreError::new(Errno::INVAL, "a namespace must not hold a zero byte"))?;
    let mut handle: Handle = ptr::null_mut();
    // SAFETY: `cluster` is connected; on success `handle` is a new context that only we know.
    let result = unsafe { (rados.ioctx_create2)(cluster, pool.0, &raw mut handle) };
    if result < 0 {
        return Err(refused(result));
    }
    let context = IoContext { rados, handle };
    // SAFETY: the context is not shared yet; librados copies the string and the array.
    let result = unsafe {
        (rados.ioctx_set_namespace)(handle, namespace.as_ptr());
        if when_full == WhenFull::Try {
            (rados.set_pool_full_try)(handle);
        }
        match view {
            View::Read(snap) => {
                (rados.ioctx_snap_set_read)(handle, snap.0);
                0
            }
            View::Clones => {
                (rados.ioctx_snap_set_read)(handle, SNAPSHOT_DIRECTORY);
                0
            }
            View::Write(snaps) => {
                let mut ids: Vec<u64> = snaps.snaps.iter().map(|snap| snap.0).collect();
                let count = i32::try_from(ids.len()).unwrap_or(i32::MAX);
                (rados.set_write_ctx)(handle, snaps.seq.0, ids.as_mut_ptr(), count)
            }
        }
    };
    if result < 0 { Err(refused(result)) } else { Ok(context) }
}
