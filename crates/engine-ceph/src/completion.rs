//! librados' callbacks as futures.
//!
//! The memory that an operation reads or fills travels inside its completion: librados may touch it
//! until the callback has run, so nothing else owns it until then. The callback only takes the
//! result and wakes; the payload goes to whoever waits, or is dropped when nobody does.

use std::ffi::{c_int, c_void};
use std::ptr;

use futures_channel::oneshot;

use crate::library::{Handle, Librados, librados};

/// What librados said of one operation, and the memory it worked on.
pub(crate) struct Completed<T> {
    /// Zero or more for success, a negative errno otherwise.
    pub(crate) result: c_int,
    pub(crate) version: u64,
    pub(crate) payload: T,
}

struct InFlight<T> {
    payload: T,
    waiter: oneshot::Sender<Completed<T>>,
}

/// Starts an operation with `submit`, which is given the payload (at the address it keeps) and a
/// completion, and yields what became of it.
pub(crate) fn start<T: Send + 'static>(
    rados: &'static Librados,
    payload: T,
    submit: impl FnOnce(&mut T, Handle) -> c_int,
) -> oneshot::Receiver<Completed<T>> {
    let (waiter, receiver) = oneshot::channel();
    let in_flight = Box::into_raw(Box::new(InFlight { payload, waiter }));
    let mut completion: Handle = ptr::null_mut();
    // SAFETY: `in_flight` stays valid until the callback takes it back; the callback's type fits.
    let made = unsafe {
        (rados.aio_create_completion2)(in_flight.cast(), Some(finish::<T>), &raw mut completion)
    };
    assert_eq!(made, 0, "librados could not allocate a completion");
    // SAFETY: nobody else uses the box before the operation is submitted.
    let submitted = submit(unsafe { &mut (*in_flight).payload }, completion);
    if submitted < 0 {
        // SAFETY: refused, so librados will never run the callback: the box is ours again.
        let refused = unsafe {
            (rados.aio_release)(completion);
            Box::from_raw(in_flight)
        };
        let completed = Completed { result: submitted, version: 0, payload: refused.payload };
        let _ = refused.waiter.send(completed);
    }
    receiver
}

unsafe extern "C" fn finish<T>(completion: Handle, argument: *mut c_void) {
    let Ok(rados) = librados() else { return };
    // SAFETY: librados calls this once per completion with the argument of its creation.
    let (result, version, in_flight) = unsafe {
        let result = (rados.aio_get_return_value)(completion);
        let version = (rados.aio_get_version)(completion);
        (rados.aio_release)(completion);
        (result, version, Box::from_raw(argument.cast::<InFlight<T>>()))
    };
    let InFlight { payload, waiter } = *in_flight;
    let _ = waiter.send(Completed { result, version, payload });
}
