//! What librados offers in C++ only, through a small library of our own.
//!
//! `shim/rados_shim.cc`, built by `scripts/build-shim`, is looked for where `MARCOT_RADOS_SHIM`
//! says, else beside this program. Without it everything works but what needs it: listing an
//! object's clones and watchers is refused, other operations take a longer way.

mod found;

use std::ffi::{c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use futures_channel::oneshot;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use marcot_store::op::AllZeros;
use marcot_store::{Errno, SnapId, StoreError};

pub(crate) use self::found::Found;
use crate::completion::{Completed, Needs, called_back};
use crate::io_context::IoContext;
use crate::lending::{Loan, Presence};
use crate::library::Handle;

/// The file's name beside the program.
const FILE: &str = "libmarcot_rados_shim.so";
/// Names another place for it.
const VARIABLE: &str = "MARCOT_RADOS_SHIM";
/// What `marcot_rados_shim_version` must say.
const VERSION: c_int = 4;

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

/// The library, loaded on first use; the error says why there is none.
pub(crate) fn shim() -> Result<&'static Shim, &'static str> {
    static LOADED: OnceLock<Result<Shim, String>> = OnceLock::new();
    LOADED.get_or_init(load).as_ref().map_err(String::as_str)
}

/// The error of what cannot be done without the library.
pub(crate) fn lacking(what: &str, why: &str) -> StoreError {
    StoreError::new(
        Errno::OPNOTSUPP,
        format!("{what}: librados' C API cannot, and there is no {FILE} ({why})"),
    )
}

fn place() -> Option<PathBuf> {
    match std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        Some(path) => Some(PathBuf::from(path)).filter(|path| path.is_absolute()),
        None => Some(std::env::current_exe().ok()?.parent()?.join(FILE)),
    }
}

fn load() -> Result<Shim, String> {
    let path = place().ok_or_else(|| format!("{VARIABLE} is not an absolute path"))?;
    if !path.exists() {
        return Err(format!("no {}: see scripts/build-shim", path.display()));
    }
    // librados is there already, and its name in the shim means that one.
    crate::library::librados()?;
    find(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn find(path: &Path) -> Result<Shim, String> {
    let text = |error: libloading::Error| error.to_string();
    // SAFETY: loading runs the initialisers of the C++ runtime, which have no preconditions.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }.map_err(text)?;
    // SAFETY: the types are those of the functions in shim/rados_shim.cc of this version; the
    // pointers live as long as the library, which is never closed.
    unsafe {
        let version: unsafe extern "C" fn() -> c_int =
            *library.get(b"marcot_rados_shim_version\0").map_err(text)?;
        match version() {
            VERSION => {}
            other => return Err(format!("of version {other}, and {VERSION} is needed")),
        }
        Ok(Shim {
            list_snaps: *library.get(b"marcot_rados_list_snaps\0").map_err(text)?,
            list_watchers: *library.get(b"marcot_rados_list_watchers\0").map_err(text)?,
            sparse_read: *library.get(b"marcot_rados_sparse_read\0").map_err(text)?,
            list_omap: *library.get(b"marcot_rados_list_omap\0").map_err(text)?,
            roll_back: *library.get(b"marcot_rados_roll_back\0").map_err(text)?,
            copyup: *library.get(b"marcot_rados_copyup\0").map_err(text)?,
            lend: *library.get(b"marcot_rados_lend\0").map_err(text)?,
            loan_over: *library.get(b"marcot_rados_loan_over\0").map_err(text)?,
            loan_end: *library.get(b"marcot_rados_loan_end\0").map_err(text)?,
            write_lent: *library.get(b"marcot_rados_write_lent\0").map_err(text)?,
            _library: library,
        })
    }
}

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
fn start(needs: Needs, begin: impl FnOnce(Handle, Answer, *mut c_void) -> c_int) -> Running {
    let (waiter, running) = oneshot::channel();
    let started = start_then(needs, begin, move |completed| drop(waiter.send(completed)));
    if let Err(refused) = started {
        refused.tell();
    }
    running
}

/// The same, with `done` called when the operation has ended: on a thread of librados, where it
/// must neither block nor take long. When it was not started, says what that ended with.
fn start_then<Done>(
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

    /// `-ENODATA` when all is zeros and that is to be refused, `-ENOENT` when a source is missing.
    pub(crate) fn copyup(
        &self,
        needs: Needs,
        name: &str,
        sources: &[Source],
        all_zeros: AllZeros,
    ) -> Running {
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
        let (name, named) = (name.as_ptr().cast(), name.len());
        // SAFETY: as above; so are the sources, and the shim takes its own share in their contexts.
        start(needs, |io, answer, argument| unsafe {
            (self.copyup)(io, name, named, raw.as_ptr(), raw.len(), refuse, answer, argument)
        })
    }
}

impl std::fmt::Debug for Shim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shim")
    }
}
