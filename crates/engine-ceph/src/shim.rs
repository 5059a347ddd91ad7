//! What librados offers in C++ only, through a small library of our own.
//!
//! `shim/rados_shim.cc`, built by `scripts/build-shim`, is looked for where `MARCOT_RADOS_SHIM`
//! says, else beside this program. Without it everything works but what needs it: listing an
//! object's clones and watchers is refused, other operations take a longer way.

mod found;
mod load;
mod start;

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;

use futures_channel::oneshot;
use libloading::os::unix::Library;
use marcot_store::op::{AllZeros, SourceReads};
use marcot_store::{Errno, SnapId, StoreError};

pub(crate) use self::found::Found;
pub(crate) use self::load::shim;
use self::start::{NotStarted, start, start_then};
use crate::completion::{Completed, Needs};
use crate::io_context::IoContext;
use crate::lending::{Loan, Presence};
use crate::library::Handle;

/// The file's name beside the program.
const FILE: &str = "libmarcot_rados_shim.so";

type Answer = unsafe extern "C" fn(
    argument: *mut c_void,
    result: c_int,
    version: u64,
    numbers: *const u64,
    count: usize,
    bytes: *const c_char,
    length: usize,
);
type OnObject = unsafe extern "C" fn(Handle, *const c_char, usize, Answer, *mut c_void) -> c_int;
type WithRange =
    unsafe extern "C" fn(Handle, *const c_char, usize, u64, u64, Answer, *mut c_void) -> c_int;
type WithSnap =
    unsafe extern "C" fn(Handle, *const c_char, usize, u64, Answer, *mut c_void) -> c_int;
type WithKeys = unsafe extern "C" fn(
    Handle,
    *const c_char,
    usize,
    *const c_char,
    usize,
    *const c_char,
    usize,
    u64,
    Answer,
    *mut c_void,
) -> c_int;

type WithSources = unsafe extern "C" fn(
    Handle,
    *const c_char,
    usize,
    *const RawSource,
    usize,
    c_int,
    c_int,
    Answer,
    *mut c_void,
) -> c_int;

type AtPlaces = unsafe extern "C" fn(
    Handle,
    *const c_char,
    usize,
    *const u64,
    usize,
    u64,
    Answer,
    *mut c_void,
) -> c_int;

type WithSource = unsafe extern "C" fn(
    Handle,
    *const c_char,
    usize,
    Handle,
    *const c_char,
    usize,
    Answer,
    *mut c_void,
) -> c_int;

type WithLoans = unsafe extern "C" fn(
    Handle,
    *const c_char,
    usize,
    c_int,
    *const RawPart,
    usize,
    Answer,
    *mut c_void,
) -> c_int;

/// The C struct `marcot_rados_source`.
#[repr(C)]
struct RawSource {
    io: Handle,
    name: *const c_char,
    length: usize,
    ranges: [u64; 3],
}

/// The C struct `marcot_rados_part`.
#[repr(C)]
struct RawPart {
    offset: u64,
    loan: Handle,
}

/// A part of an object that goes into another one.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) context: Arc<IoContext>,
    pub(crate) name: Arc<str>,
    /// Where it begins in the source, where in the target, how long it is: in bytes.
    pub(crate) ranges: [u64; 3],
}

/// The library's functions.
pub(crate) struct Shim {
    list_snaps: OnObject,
    list_watchers: OnObject,
    sparse_read: WithRange,
    list_omap: WithKeys,
    roll_back: WithSnap,
    look: AtPlaces,
    copy: WithSource,
    copyup: WithSources,
    pub(crate) lend: unsafe extern "C" fn(*const c_char, usize) -> Handle,
    pub(crate) loan_over: unsafe extern "C" fn(Handle) -> c_int,
    pub(crate) loan_end: unsafe extern "C" fn(Handle),
    write_lent: WithLoans,
    /// Never closed: its code runs on librados' threads.
    _library: Library,
}

/// An operation under way.
pub(crate) type Running = oneshot::Receiver<Completed<Found>>;

/// The error of what cannot be done without the library.
pub(crate) fn lacking(what: &str, why: &str) -> StoreError {
    StoreError::new(
        Errno::OPNOTSUPP,
        format!("{what}: librados' C API cannot, and there is no {FILE} ({why})"),
    )
}

impl Shim {
    /// The context must read at the directory of snapshots.
    pub(crate) fn list_snaps(&self, needs: Needs, name: &str) -> Running {
        // SAFETY: as `OnObject` says; the name is copied during the call.
        start(needs, |io, answer, argument| unsafe {
            (self.list_snaps)(io, name.as_ptr().cast(), name.len(), answer, argument)
        })
    }

    pub(crate) fn list_watchers(&self, needs: Needs, name: &str) -> Running {
        // SAFETY: as above.
        start(needs, |io, answer, argument| unsafe {
            (self.list_watchers)(io, name.as_ptr().cast(), name.len(), answer, argument)
        })
    }

    pub(crate) fn sparse_read(
        &self,
        needs: Needs,
        name: &str,
        (offset, length): (u64, u64),
    ) -> Running {
        let (name, named) = (name.as_ptr().cast(), name.len());
        // SAFETY: as above.
        start(needs, |io, answer, argument| unsafe {
            (self.sparse_read)(io, name, named, offset, length, answer, argument)
        })
    }

    pub(crate) fn list_omap(
        &self,
        needs: Needs,
        name: &str,
        (after, prefix, max): (&[u8], &[u8], u64),
    ) -> Running {
        // SAFETY: as above, and so are both keys.
        start(needs, |io, answer, argument| unsafe {
            (self.list_omap)(
                io,
                name.as_ptr().cast(),
                name.len(),
                after.as_ptr().cast(),
                after.len(),
                prefix.as_ptr().cast(),
                prefix.len(),
                max,
                answer,
                argument,
            )
        })
    }

    pub(crate) fn roll_back(&self, needs: Needs, name: &str, snap: SnapId) -> Running {
        // SAFETY: as above.
        start(needs, |io, answer, argument| unsafe {
            (self.roll_back)(io, name.as_ptr().cast(), name.len(), snap.0, answer, argument)
        })
    }

    /// Writes the bytes of loans, each at its offset, in one operation. `done` is given the loans when
    /// that has ended, before anybody learns of it: on a thread of librados.
    pub(crate) fn write_lent<Done>(
        &self,
        needs: Needs,
        name: &str,
        presence: Presence,
        parts: Vec<(u64, Loan)>,
        done: Done,
    ) -> Result<(), NotStarted<impl FnOnce(Completed<Found>) + Send + use<Done>>>
    where
        Done: FnOnce(Completed<Found>, Vec<(u64, Loan)>) + Send + 'static,
    {
        let (name, named) = (name.as_ptr().cast(), name.len());
        let must_exist = c_int::from(presence == Presence::Needed);
        let raw: Vec<RawPart> = parts
            .iter()
            .map(|(offset, loan)| RawPart { offset: *offset, loan: loan.handle() })
            .collect();
        // SAFETY: as above; the loans travel in the callback, which the shim runs once.
        let begin = |io, answer, argument| unsafe {
            (self.write_lent)(
                io,
                name,
                named,
                must_exist,
                raw.as_ptr(),
                raw.len(),
                answer,
                argument,
            )
        };
        start_then(needs, begin, move |completed| done(completed, parts))
    }

    /// Looks at so many bytes of a source, in each place.
    pub(crate) fn look<Done>(
        &self,
        needs: Needs,
        name: &str,
        (places, each): (&[u64], u64),
        done: Done,
    ) -> Result<(), NotStarted<Done>>
    where
        Done: FnOnce(Completed<Found>) + Send + 'static,
    {
        let (name, named) = (name.as_ptr().cast(), name.len());
        // SAFETY: as above; the places are copied.
        let begin = |io, answer, argument| unsafe {
            (self.look)(io, name, named, places.as_ptr(), places.len(), each, answer, argument)
        };
        start_then(needs, begin, done)
    }

    /// Has the OSDs copy a whole object into one that does not exist (`-EEXIST`).
    pub(crate) fn copy<Done>(
        &self,
        needs: Needs,
        name: &str,
        source: &Source,
        done: Done,
    ) -> Result<(), NotStarted<Done>>
    where
        Done: FnOnce(Completed<Found>) + Send + 'static,
    {
        let (name, named) = (name.as_ptr().cast(), name.len());
        let (from, length) = (source.name.as_ptr().cast(), source.name.len());
        let context = source.context.handle;
        // SAFETY: as above, and the shim takes its own share in the source's context.
        let begin = |io, answer, argument| unsafe {
            (self.copy)(io, name, named, context, from, length, answer, argument)
        };
        start_then(needs, begin, done)
    }

    /// Reads what the sources hold, and fills an object that does not exist (`-EEXIST`) with it.
    /// `-ENODATA` when all is zeros and that is to be refused, `-ENOENT` when a source is missing.
    pub(crate) fn copyup<Done>(
        &self,
        needs: Needs,
        name: &str,
        sources: &[Source],
        (all_zeros, reads): (AllZeros, SourceReads),
        done: Done,
    ) -> Result<(), NotStarted<Done>>
    where
        Done: FnOnce(Completed<Found>) + Send + 'static,
    {
        let raw: Vec<RawSource> = sources
            .iter()
            .map(|source| RawSource {
                io: source.context.handle,
                name: source.name.as_ptr().cast(),
                length: source.name.len(),
                ranges: source.ranges,
            })
            .collect();
        let refuse = c_int::from(all_zeros == AllZeros::Refuse);
        let once = c_int::from(reads == SourceReads::Once);
        let (name, named) = (name.as_ptr().cast(), name.len());
        // SAFETY: as above; so are the sources, and the shim takes its own share in their contexts.
        let begin = |io, answer, argument| unsafe {
            (self.copyup)(io, name, named, raw.as_ptr(), raw.len(), refuse, once, answer, argument)
        };
        start_then(needs, begin, done)
    }
}

impl std::fmt::Debug for Shim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shim")
    }
}
