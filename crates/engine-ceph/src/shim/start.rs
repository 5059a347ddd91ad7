//! Operations of the shim: what each needs travels with it, and whoever waits is told its end.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

use futures_channel::oneshot;

use super::{Answer, Found, Running};
use crate::completion::{Completed, Needs, called_back};
use crate::library::Handle;

struct Waiting<Done> {
    done: Done,
    needs: Needs,
}

/// An operation that ended before it began: nobody has been told yet.
pub(crate) struct NotStarted<Done> {
    done: Done,
    result: c_int,
    _needs: Needs,
}

impl<Done: FnOnce(Completed<Found>)> NotStarted<Done> {
    pub(crate) fn tell(self) {
        (self.done)(Completed { result: self.result, version: 0, payload: Found::default() });
    }
}

/// Starts an operation of the shim. Names and keys are copied while it is started.
pub(super) fn start(
    needs: Needs,
    begin: impl FnOnce(Handle, Answer, *mut c_void) -> c_int,
) -> Running {
    let (waiter, running) = oneshot::channel();
    let started = start_then(needs, begin, move |completed| drop(waiter.send(completed)));
    if let Err(refused) = started {
        refused.tell();
    }
    running
}

/// The same, with `done` called when the operation has ended: on a thread of librados, where it
/// must neither block nor take long. When it was not started, says what that ended with.
pub(super) fn start_then<Done>(
    needs: Needs,
    begin: impl FnOnce(Handle, Answer, *mut c_void) -> c_int,
    done: Done,
) -> Result<(), NotStarted<Done>>
where
    Done: FnOnce(Completed<Found>) + Send + 'static,
{
    let context = Arc::clone(&needs.context);
    let waiting = Box::into_raw(Box::new(Waiting { done, needs }));
    let result = begin(context.handle, answered::<Done>, waiting.cast());
    if result < 0 {
        // SAFETY: not started, so the answer never comes: the box is ours again.
        let Waiting { done, needs } = *unsafe { Box::from_raw(waiting) };
        return Err(NotStarted { done, result, _needs: needs });
    }
    Ok(())
}

unsafe extern "C" fn answered<Done>(
    argument: *mut c_void,
    result: c_int,
    version: u64,
    numbers: *const u64,
    count: usize,
    bytes: *const c_char,
    length: usize,
) where
    Done: FnOnce(Completed<Found>),
{
    // SAFETY: called once with the box of `start_then`.
    let Waiting { done, needs } = *unsafe { Box::from_raw(argument.cast::<Waiting<Done>>()) };
    let Needs { context, ticket, .. } = needs;
    drop(context);
    let mut payload = Found::default();
    if !numbers.is_null() {
        // SAFETY: the shim gives `count` numbers, valid until this returns.
        payload.numbers = unsafe { std::slice::from_raw_parts(numbers, count) }.to_vec();
    }
    // SAFETY: the shim gives `length` bytes, valid until this returns.
    payload.bytes = unsafe { crate::watching::copied(bytes, length) };
    called_back(|| done(Completed { result, version, payload }));
    // Last: from here on the connection may be ended.
    drop(ticket);
}
