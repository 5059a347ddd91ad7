//! librados' callbacks as futures.
//!
//! The memory that an operation reads or fills travels inside its completion: librados may touch it
//! until the callback has run, so nothing else owns it until then. So do the I/O context and the
//! ticket that keeps the connection open. The callback only takes the result and wakes; the payload
//! goes to whoever waits, or is dropped when nobody does.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Arc;

use futures_channel::oneshot;
use marcot_store::errand;

use crate::gate::Ticket;
use crate::io_context::IoContext;
use crate::library::{Handle, Librados};

thread_local! {
    static CALLED_BACK: Cell<bool> = const { Cell::new(false) };
}

/// Whether this code runs in a callback of librados, where a connection must not be ended.
pub(crate) fn on_librados_thread() -> bool {
    CALLED_BACK.get()
}

/// Runs what a callback does, and what is then left to this thread; nothing unwinds into librados.
pub(crate) fn called_back(work: impl FnOnce()) {
    let before = CALLED_BACK.replace(true);
    errand::lend(work);
    CALLED_BACK.set(before);
}

/// What librados said of one operation, and the memory it worked on.
#[derive(Debug)]
pub(crate) struct Completed<T> {
    /// Zero or more for success, a negative errno otherwise.
    pub(crate) result: c_int,
    pub(crate) version: u64,
    pub(crate) payload: T,
}

/// What an operation needs until it completes, beside its payload.
pub(crate) struct Needs {
    pub(crate) rados: &'static Librados,
    pub(crate) context: Arc<IoContext>,
    pub(crate) ticket: Ticket,
}

struct InFlight<T, Done> {
    payload: T,
    done: Done,
    needs: Needs,
}

/// Starts an operation with `submit`, which is given the payload (at the address it keeps), the I/O
/// context and a completion, and yields what becomes of it.
pub(crate) fn start<T: Send + 'static>(
    needs: Needs,
    payload: T,
    submit: impl FnOnce(&mut T, Handle, Handle) -> c_int,
) -> oneshot::Receiver<Completed<T>> {
    let (waiter, receiver) = oneshot::channel();
    start_then(needs, payload, submit, move |completed, _| drop(waiter.send(completed)));
    receiver
}

/// The same, with `done` called when the operation has ended: on a thread of librados, where it
/// must neither block nor take long, or at once when librados refuses the operation. It is lent the
/// ticket, to begin what has to follow even while the connection is being closed.
pub(crate) fn start_then<T, Done>(
    needs: Needs,
    payload: T,
    submit: impl FnOnce(&mut T, Handle, Handle) -> c_int,
    done: Done,
) where
    T: Send + 'static,
    Done: FnOnce(Completed<T>, &Ticket) + Send + 'static,
{
    let (rados, context) = (needs.rados, needs.context.handle);
    let in_flight = Box::into_raw(Box::new(InFlight { payload, done, needs }));
    let mut completion: Handle = ptr::null_mut();
    // SAFETY: `in_flight` stays valid until the callback takes it back; the callback's type fits.
    let made = unsafe {
        (rados.aio_create_completion2)(
            in_flight.cast(),
            Some(finish::<T, Done>),
            &raw mut completion,
        )
    };
    assert_eq!(made, 0, "librados could not allocate a completion");
    // SAFETY: nobody else uses the box before the operation is submitted; it keeps the context.
    let submitted = submit(unsafe { &mut (*in_flight).payload }, context, completion);
    if submitted < 0 {
        // SAFETY: refused, so librados will never run the callback: the box is ours again.
        let refused = unsafe {
            (rados.aio_release)(completion);
            Box::from_raw(in_flight)
        };
        let InFlight { payload, done, needs } = *refused;
        done(Completed { result: submitted, version: 0, payload }, &needs.ticket);
    }
}

unsafe extern "C" fn finish<T, Done>(completion: Handle, argument: *mut c_void)
where
    Done: FnOnce(Completed<T>, &Ticket),
{
    // SAFETY: librados calls this once per completion with the argument of its creation.
    let in_flight = unsafe { Box::from_raw(argument.cast::<InFlight<T, Done>>()) };
    let InFlight { payload, done, needs } = *in_flight;
    let Needs { rados, context, ticket } = needs;
    // SAFETY: the completion is ours to release, once.
    let (result, version) = unsafe {
        let result = (rados.aio_get_return_value)(completion);
        let version = (rados.aio_get_version)(completion);
        (rados.aio_release)(completion);
        (result, version)
    };
    drop(context);
    called_back(|| done(Completed { result, version, payload }, &ticket));
    // Last: from here on the connection may be ended.
    drop(ticket);
}
