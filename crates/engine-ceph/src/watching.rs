//! Watches and notifications through librados.
//!
//! librados calls back from its own threads; the callback only passes the event on. What it needs
//! is kept in a table for as long as the watch is registered, and freed after `unwatch` has
//! returned, when librados no longer calls.

use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::mpsc::{self, UnboundedSender};
use marcot_store::watch::{Acknowledgement, Notification, NotifyOutcome, Watch, WatchEvent};
use marcot_store::{ClientId, Errno, NotifyId, ObjectId, Result, SnapId, StoreError, WatchHandle};

use crate::connection::{CephCluster, c_string};
use crate::io_context::{IoContext, View};
use crate::library::{NotifyAck, NotifyTimeout};

/// The watches of one connection.
#[derive(Debug, Default)]
pub(crate) struct WatchTable {
    registered: Mutex<HashMap<WatchHandle, Registered>>,
}

#[derive(Debug)]
struct Registered {
    context: Arc<IoContext>,
    /// Given to librados as the callbacks' argument; ours again after unwatch.
    events: Argument,
}

#[derive(Debug)]
struct Argument(*mut UnboundedSender<WatchEvent>);

// SAFETY: only the callbacks use it, through a shared reference to a sender that is Sync.
unsafe impl Send for Argument {}

impl CephCluster {
    fn watch_context(&self, object: &ObjectId) -> Result<Arc<IoContext>> {
        self.contexts.get(self.rados, self.handle, object, View::Read(SnapId::HEAD))
    }

    pub(crate) fn register(&self, object: &ObjectId) -> Result<Watch> {
        let context = self.watch_context(object)?;
        let name = c_string(&object.name, "an object's name")?;
        let (sender, events) = mpsc::unbounded();
        let argument = Box::into_raw(Box::new(sender));
        let mut cookie = 0;
        // SAFETY: the argument lives until after unwatch; the callbacks take it as what it is.
        let result = unsafe {
            (self.rados.watch3)(
                context.handle,
                name.as_ptr(),
                &raw mut cookie,
                notified,
                lost,
                0,
                argument.cast(),
            )
        };
        if result < 0 {
            // SAFETY: not registered, so librados does not know the argument.
            drop(unsafe { Box::from_raw(argument) });
            return Err(StoreError::new(Errno::from_raw(-result), format!("watch {object}")));
        }
        let handle = WatchHandle(cookie);
        let registered = Registered { context, events: Argument(argument) };
        self.watches
            .registered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(handle, registered);
        Ok(Watch { handle, events })
    }

    pub(crate) fn unregister(&self, object: &ObjectId, handle: WatchHandle) -> Result<()> {
        let table = &self.watches.registered;
        let registered = table.lock().unwrap_or_else(PoisonError::into_inner).remove(&handle);
        let Some(registered) = registered else {
            return Err(StoreError::new(Errno::NOENT, format!("end a watch of {object}")));
        };
        // SAFETY: the watch is registered; after unwatch and a flush no callback runs or will.
        let result = unsafe {
            let result = (self.rados.unwatch2)(registered.context.handle, handle.0);
            (self.rados.watch_flush)(self.handle);
            drop(Box::from_raw(registered.events.0));
            result
        };
        match result {
            0.. => Ok(()),
            _ => Err(StoreError::new(Errno::from_raw(-result), format!("end a watch of {object}"))),
        }
    }

    pub(crate) fn acknowledge_notify(&self, ack: &Acknowledgement) -> Result<()> {
        let context = self.watch_context(&ack.object)?;
        let name = c_string(&ack.object.name, "an object's name")?;
        let length = c_int::try_from(ack.payload.len()).unwrap_or(c_int::MAX);
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
        match result {
            0.. => Ok(()),
            _ => Err(StoreError::new(
                Errno::from_raw(-result),
                format!("answer a notification on {}", ack.object),
            )),
        }
    }

    pub(crate) fn send_notify(
        &self,
        object: &ObjectId,
        payload: &Bytes,
        timeout: Duration,
    ) -> Result<NotifyOutcome> {
        let context = self.watch_context(object)?;
        let name = c_string(&object.name, "an object's name")?;
        let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let length = c_int::try_from(payload.len()).unwrap_or(c_int::MAX);
        let (mut reply, mut reply_length): (*mut c_char, usize) = (ptr::null_mut(), 0);
        // SAFETY: name and payload live through the call; the reply is librados' and freed below.
        unsafe {
            let result = (self.rados.notify2)(
                context.handle,
                name.as_ptr(),
                payload.as_ptr().cast(),
                length,
                milliseconds,
                &raw mut reply,
                &raw mut reply_length,
            );
            let outcome = self.decode_reply(reply, reply_length);
            if !reply.is_null() {
                (self.rados.buffer_free)(reply);
            }
            // A time-out of some is reported in the outcome, as the contract has it.
            if result < 0 && Errno::from_raw(-result) != Errno::TIMEDOUT {
                return Err(StoreError::new(Errno::from_raw(-result), format!("notify {object}")));
            }
            Ok(outcome)
        }
    }

    /// # Safety
    /// `reply` is null or a reply of `notify2` of `length` bytes.
    unsafe fn decode_reply(&self, reply: *mut c_char, length: usize) -> NotifyOutcome {
        let mut outcome = NotifyOutcome::default();
        if reply.is_null() || length == 0 {
            return outcome;
        }
        let (mut acks, mut timeouts): (*mut NotifyAck, *mut NotifyTimeout) =
            (ptr::null_mut(), ptr::null_mut());
        let (mut ack_count, mut timeout_count) = (0, 0);
        // SAFETY: librados fills both arrays with the counts it gives, and frees them below.
        unsafe {
            let decoded = (self.rados.decode_notify_response)(
                reply,
                length,
                &raw mut acks,
                &raw mut ack_count,
                &raw mut timeouts,
                &raw mut timeout_count,
            );
            if decoded < 0 {
                return outcome;
            }
            for index in 0..ack_count {
                let ack = &*acks.add(index);
                let size = usize::try_from(ack.payload_length).unwrap_or_default();
                let payload = copied(ack.payload, size);
                outcome.acks.push((ClientId(ack.notifier_id), WatchHandle(ack.cookie), payload));
            }
            for index in 0..timeout_count {
                let missing = &*timeouts.add(index);
                outcome.timeouts.push((ClientId(missing.notifier_id), WatchHandle(missing.cookie)));
            }
            (self.rados.free_notify_response)(acks, ack_count, timeouts);
        }
        outcome
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
    // SAFETY: the argument is the sender of `register`, alive until after unwatch; librados gives
    // `length` bytes at `data`.
    unsafe {
        let payload = copied(data.cast(), length);
        let event = WatchEvent::Notified(Notification {
            id: NotifyId(notify_id),
            notifier: ClientId(notifier),
            payload,
        });
        let _ = (*argument.cast::<UnboundedSender<WatchEvent>>()).unbounded_send(event);
    }
}

unsafe extern "C" fn lost(argument: *mut c_void, _cookie: u64, error: c_int) {
    // SAFETY: as in `notified`.
    unsafe {
        let event = WatchEvent::Lost(Errno::from_raw(-error));
        let _ = (*argument.cast::<UnboundedSender<WatchEvent>>()).unbounded_send(event);
    }
}

/// # Safety
/// `pointer` is null or points to `length` bytes.
unsafe fn copied(pointer: *const c_char, length: usize) -> Bytes {
    if pointer.is_null() || length == 0 {
        return Bytes::new();
    }
    // SAFETY: as the caller promises.
    Bytes::copy_from_slice(unsafe { std::slice::from_raw_parts(pointer.cast(), length) })
}
