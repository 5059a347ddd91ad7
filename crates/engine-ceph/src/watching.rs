//! Watches: registering, ending, losing them.
//!
//! librados calls back from its own threads; the callback only passes the event on. What it needs
//! is freed when librados has said that no callback of it is left, after the watch was ended.
//! A lost watch is ended here, at once; who wants to go on watching registers anew.

use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use futures_channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures_channel::oneshot;
use marcot_store::watch::{Acknowledgement, Notification, Watch, WatchEvent};
use marcot_store::{ClientId, Errno, NotifyId, ObjectId, Result, SnapId, StoreError, WatchHandle};

use crate::completion::{Completed, Needs, called_back, start_then};
use crate::connection::{CephCluster, c_string};
use crate::gate::Ticket;
use crate::io_context::{IoContext, View};

/// The watches of one connection.
#[derive(Debug, Default)]
pub(crate) struct WatchTable {
    registered: Mutex<HashMap<WatchHandle, Registered>>,
}

/// A watch that librados knows.
#[derive(Debug)]
struct Registered {
    context: Arc<IoContext>,
    listener: ListenerBox,
}

/// What the callbacks are given.
#[derive(Debug)]
struct Listener {
    cluster: Weak<CephCluster>,
    events: UnboundedSender<WatchEvent>,
    /// Lost before it was in the table.
    lost: AtomicBool,
}

/// Given to librados as the callbacks' argument. Dropped only when no callback can come.
#[derive(Debug)]
struct ListenerBox(*mut Listener);

// SAFETY: callbacks use the listener through shared references only, and what it holds is Sync.
unsafe impl Send for ListenerBox {}

impl Drop for ListenerBox {
    fn drop(&mut self) {
        // SAFETY: made by `Box::into_raw`, and librados does not call any more.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// What a registration is made of until it has ended.
struct Registration {
    handle: u64,
    listener: ListenerBox,
}

impl CephCluster {
    pub(crate) fn watch_context(&self, object: &ObjectId) -> Result<Arc<IoContext>> {
        self.context(object, View::Read(SnapId::HEAD))
    }

    /// Registers a watch. The registration lives in the table from the moment that it exists, so
    /// that one which nobody waits for any more is ended.
    pub(crate) fn register(
        self: &Arc<CephCluster>,
        object: &ObjectId,
    ) -> Result<oneshot::Receiver<Result<Watch>>> {
        let context = self.watch_context(object)?;
        let needs = self.needs(Arc::clone(&context))?;
        let name = c_string(&object.name, "an object's name")?;
        let (events, receiver) = mpsc::unbounded();
        let cluster = Arc::downgrade(self);
        let listener = Listener { cluster, events, lost: AtomicBool::new(false) };
        let argument = Box::into_raw(Box::new(listener));
        let registration = Registration { handle: 0, listener: ListenerBox(argument) };
        let (waiter, answer) = oneshot::channel();
        let (rados, object, cluster) = (self.rados, object.clone(), Arc::clone(self));
        start_then(
            needs,
            registration,
            |registration, io, completion| {
                let handle = &raw mut registration.handle;
                // SAFETY: the handle's place and the listener live as long as the registration.
                unsafe {
                    (rados.aio_watch2)(
                        io,
                        name.as_ptr(),
                        completion,
                        handle,
                        notified,
                        lost,
                        0,
                        argument.cast(),
                    )
                }
            },
            move |completed, held| {
                let watch = cluster.registered(context, completed, receiver, &object, held);
                if let Err(Ok(abandoned)) = waiter.send(watch) {
                    let _ = cluster.unregister(&object, abandoned.handle);
                }
            },
        );
        Ok(answer)
    }

    /// Notes what became of a registration. Runs in a callback.
    fn registered(
        self: &Arc<CephCluster>,
        context: Arc<IoContext>,
        completed: Completed<Registration>,
        events: UnboundedReceiver<WatchEvent>,
        object: &ObjectId,
        held: &Ticket,
    ) -> Result<Watch> {
        let Completed { result, payload: Registration { handle, listener }, .. } = completed;
        if result < 0 {
            self.free_when_silent(context, listener, held);
            return Err(StoreError::new(Errno::from_raw(-result), format!("watch {object}")));
        }
        let handle = WatchHandle(handle);
        // SAFETY: the listener is alive in its box.
        let listens = unsafe { &*listener.0 };
        let mut table = self.watches.locked();
        // Under the table's lock, as in `lost`: one of the two ends the watch.
        let lost = listens.lost.load(Ordering::Acquire);
        table.insert(handle, Registered { context, listener });
        drop(table);
        if lost {
            let _ = self.unregister(object, handle);
        }
        Ok(Watch { handle, events })
    }

    /// Ends a watch of this connection.
    pub(crate) fn unregister(
        self: &Arc<CephCluster>,
        object: &ObjectId,
        handle: WatchHandle,
    ) -> Result<oneshot::Receiver<c_int>> {
        let ticket = self.enter()?;
        // The handle is an address to librados: only one that it gave out may reach it.
        let Some(registered) = self.watches.locked().remove(&handle) else {
            let context = format!("end a watch of {object}: this client has no such watch");
            return Err(StoreError::new(Errno::NOENT, context));
        };
        let Registered { context, listener } = registered;
        let needs = Needs { rados: self.rados, context: Arc::clone(&context), ticket };
        let (waiter, answer) = oneshot::channel();
        let (rados, cluster) = (self.rados, Arc::clone(self));
        start_then(
            needs,
            listener,
            // SAFETY: the handle was in the table, so it is a watch, and it is ended once.
            |_, io, completion| unsafe { (rados.aio_unwatch)(io, handle.0, completion) },
            move |Completed { result, payload: listener, .. }, held| {
                cluster.free_when_silent(context, listener, held);
                let _ = waiter.send(result);
            },
        );
        Ok(answer)
    }

    /// Frees a listener when the callbacks that are on their way have run.
    fn free_when_silent(&self, context: Arc<IoContext>, listener: ListenerBox, held: &Ticket) {
        let (rados, cluster) = (self.rados, self.handle);
        let needs = Needs { rados, context, ticket: held.another() };
        start_then(
            needs,
            listener,
            // SAFETY: the cluster is connected.
            |_, _, completion| unsafe { (rados.aio_watch_flush)(cluster, completion) },
            |completed, _| drop(completed),
        );
    }

    /// Ends the watches that are left when the connection is closed.
    pub(crate) fn unregister_all(self: &Arc<CephCluster>) {
        let left: Vec<WatchHandle> = self.watches.locked().keys().copied().collect();
        let nowhere = ObjectId::new(marcot_store::PoolId(-1), "", "a closed connection");
        for handle in left {
            // Closing waits for it, as for everything in flight.
            let _ = self.unregister(&nowhere, handle);
        }
    }

    /// Answers a notification. librados sends it and does not wait.
    pub(crate) fn acknowledge_notify(&self, ack: &Acknowledgement) -> Result<()> {
        let context = self.watch_context(&ack.object)?;
        let _ticket = self.enter()?;
        let failed =
            |errno| StoreError::new(errno, format!("answer a notification on {}", ack.object));
        let name = c_string(&ack.object.name, "an object's name")?;
        let length = c_int::try_from(ack.payload.len()).map_err(|_| failed(Errno::TOOBIG))?;
        // SAFETY: librados copies name and payload during the call.
        let result = unsafe {
            (self.rados.notify_ack)(
                context.handle,
                name.as_ptr(),
                ack.id.0,
                ack.handle.0,
                ack.payload.as_ptr().cast(),
                length,
            )
        };
        if result < 0 { Err(failed(Errno::from_raw(-result))) } else { Ok(()) }
    }
}

impl WatchTable {
    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<WatchHandle, Registered>> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

unsafe extern "C" fn notified(
    argument: *mut c_void,
    notify_id: u64,
    _handle: u64,
    notifier: u64,
    data: *mut c_void,
    length: usize,
) {
    // SAFETY: the argument is a listener that lives until no callback can come; librados gives
    // `length` bytes at `data`.
    let (listener, payload) =
        unsafe { (&*argument.cast::<Listener>(), copied(data.cast(), length)) };
    let event = WatchEvent::Notified(Notification {
        id: NotifyId(notify_id),
        notifier: ClientId(notifier),
        payload,
    });
    called_back(|| drop(listener.events.unbounded_send(event)));
}

unsafe extern "C" fn lost(argument: *mut c_void, handle: u64, error: c_int) {
    // SAFETY: as in `notified`.
    let listener = unsafe { &*argument.cast::<Listener>() };
    called_back(|| {
        let event = WatchEvent::Lost(Errno::from_raw(-error));
        let _ = listener.events.unbounded_send(event);
        let Some(cluster) = listener.cluster.upgrade() else { return };
        let table = cluster.watches.locked();
        listener.lost.store(true, Ordering::Release);
        let known = table.contains_key(&WatchHandle(handle));
        drop(table);
        if known {
            let nowhere = ObjectId::new(marcot_store::PoolId(-1), "", "a lost watch");
            let _ = cluster.unregister(&nowhere, WatchHandle(handle));
        }
    });
}

/// # Safety
/// `pointer` is null or points to `length` bytes.
pub(crate) unsafe fn copied(pointer: *const c_char, length: usize) -> Bytes {
    if pointer.is_null() || length == 0 {
        return Bytes::new();
    }
    // SAFETY: as the caller promises.
    Bytes::copy_from_slice(unsafe { std::slice::from_raw_parts(pointer.cast(), length) })
}
