//! Sending a notification and reading what its watchers answered.

use std::ffi::{c_char, c_int};
use std::ptr;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use marcot_store::watch::NotifyOutcome;
use marcot_store::{ClientId, Errno, ObjectId, Result, StoreError, WatchHandle};

use crate::completion::{self, Completed};
use crate::connection::{CephCluster, c_string};
use crate::library::{Librados, NotifyAck, NotifyTimeout};
use crate::watching::copied;

/// Where librados puts the answers; freed when dropped.
pub(crate) struct Reply {
    rados: &'static Librados,
    text: *mut c_char,
    length: usize,
}

// SAFETY: a plain heap object that one thread uses at a time.
unsafe impl Send for Reply {}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.text.is_null() {
            // SAFETY: librados allocated it for us to free, once.
            unsafe { (self.rados.buffer_free)(self.text) }
        }
    }
}

impl CephCluster {
    /// Sends a notification; the answers come with the completion.
    pub(crate) fn send_notify(
        &self,
        object: &ObjectId,
        payload: &Bytes,
        timeout: Duration,
    ) -> Result<oneshot::Receiver<Completed<Reply>>> {
        let needs = self.needs(self.watch_context(object)?)?;
        let name = c_string(&object.name, "an object's name")?;
        let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let length = c_int::try_from(payload.len())
            .map_err(|_| StoreError::new(Errno::TOOBIG, format!("notify {object}")))?;
        let rados = self.rados;
        let reply = Reply { rados, text: ptr::null_mut(), length: 0 };
        Ok(completion::start(needs, reply, |reply, io, completion| {
            // SAFETY: librados copies name and payload now; the reply lives in the completion.
            unsafe {
                (rados.aio_notify)(
                    io,
                    name.as_ptr(),
                    completion,
                    payload.as_ptr().cast(),
                    length,
                    milliseconds,
                    &raw mut reply.text,
                    &raw mut reply.length,
                )
            }
        }))
    }
}

impl Completed<Reply> {
    /// A time-out of some is in the outcome, as the contract has it.
    pub(crate) fn outcome(self, object: &ObjectId) -> Result<NotifyOutcome> {
        if self.result < 0 && Errno::from_raw(-self.result) != Errno::TIMEDOUT {
            let errno = Errno::from_raw(-self.result);
            return Err(StoreError::new(errno, format!("notify {object}")));
        }
        Ok(self.payload.decode())
    }
}

impl Reply {
    fn decode(&self) -> NotifyOutcome {
        let mut outcome = NotifyOutcome::default();
        if self.text.is_null() || self.length == 0 {
            return outcome;
        }
        let (mut acks, mut timeouts): (*mut NotifyAck, *mut NotifyTimeout) =
            (ptr::null_mut(), ptr::null_mut());
        let (mut ack_count, mut timeout_count) = (0, 0);
        // SAFETY: librados fills both arrays with the counts it gives, and frees them below.
        unsafe {
            let decoded = (self.rados.decode_notify_response)(
                self.text,
                self.length,
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
