//! What librados offers in C++ only, through a small library of our own.
//!
//! `shim/rados_shim.cc`, built by `scripts/build-shim`, is looked for where `MARCOT_RADOS_SHIM`
//! says, else beside this program. Without it everything works but what needs it: listing an
//! object's clones and watchers is refused, other operations take a longer way.

use std::ffi::{c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_channel::oneshot;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use marcot_store::op::{AllZeros, OmapPage};
use marcot_store::watch::Watcher;
use marcot_store::{
    ClientAddress, ClientId, CloneInfo, Errno, Result, SnapId, SnapSet, StoreError, WatchHandle,
};

use crate::completion::{Completed, Needs, called_back};
use crate::io_context::IoContext;
use crate::lending::{Loan, Loans, Place, Presence};
use crate::library::Handle;

/// The file's name beside the program.
const FILE: &str = "libmarcot_rados_shim.so";
/// Names another place for it.
const VARIABLE: &str = "MARCOT_RADOS_SHIM";
/// What `marcot_rados_shim_version` must say.
const VERSION: c_int = 3;

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

type WithLoan = unsafe extern "C" fn(
    Handle,
    *const c_char,
    usize,
    c_int,
    u64,
    Handle,
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
    write_lent: WithLoan,
    /// Never closed: its code runs on librados' threads.
    _library: Library,
}

/// The numbers and bytes that an operation found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    numbers: Vec<u64>,
    bytes: Bytes,
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

/// Starts an operation of the shim. Names and keys are copied while it is started.
fn start(needs: Needs, begin: impl FnOnce(Handle, Answer, *mut c_void) -> c_int) -> Running {
    let (waiter, running) = oneshot::channel();
    start_then(needs, begin, move |completed| drop(waiter.send(completed)));
    running
}

/// The same, with `done` called when the operation has ended: on a thread of librados, where it
/// must neither block nor take long, or at once when it was not started.
fn start_then<Done>(
    needs: Needs,
    begin: impl FnOnce(Handle, Answer, *mut c_void) -> c_int,
    done: Done,
) where
    Done: FnOnce(Completed<Found>) + Send + 'static,
{
    let context = Arc::clone(&needs.context);
    let waiting = Box::into_raw(Box::new(Waiting { done, needs }));
    let result = begin(context.handle, answered::<Done>, waiting.cast());
    if result < 0 {
        // SAFETY: not started, so the answer never comes: the box is ours again.
        let Waiting { done, needs } = *unsafe { Box::from_raw(waiting) };
        done(Completed { result, version: 0, payload: Found::default() });
        drop(needs);
    }
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

    /// Writes the bytes of `loan` at `offset`, if the object `must_exist` only when it does. `loans`
    /// takes the loan when the operation has ended, before anybody learns that it has.
    pub(crate) fn write_lent(
        &self,
        needs: Needs,
        name: &str,
        at: Place,
        loan: Loan,
        loans: Arc<Loans>,
    ) -> Running {
        let (waiter, running) = oneshot::channel();
        let (name, named, bytes) = (name.as_ptr().cast(), name.len(), loan.handle());
        let must_exist = c_int::from(at.presence == Presence::Needed);
        // SAFETY: as above; the loan travels in the callback, which the shim runs once.
        let begin = |io, answer, argument| unsafe {
            (self.write_lent)(io, name, named, must_exist, at.offset, bytes, answer, argument)
        };
        start_then(needs, begin, move |completed| {
            loans.take_back(loan);
            drop(waiter.send(completed));
        });
        running
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

/// The numbers of an answer, one after the other. That they are there is the shim's to keep; a
/// wrong build of it must not make us read beyond them.
struct Numbers<'a>(std::slice::Iter<'a, u64>);

impl Numbers<'_> {
    fn next(&mut self) -> Result<u64> {
        self.0.next().copied().ok_or_else(unreadable)
    }

    /// A count of things of which each takes `each` numbers.
    fn count(&mut self, each: usize) -> Result<usize> {
        let count = usize::try_from(self.next()?).map_err(|_| unreadable())?;
        match count.checked_mul(each) {
            Some(needed) if needed <= self.0.len() => Ok(count),
            _ => Err(unreadable()),
        }
    }

    fn has_more(&self) -> bool {
        self.0.len() > 0
    }
}

fn unreadable() -> StoreError {
    StoreError::new(Errno::BADMSG, format!("{FILE} answers what cannot be read"))
}

impl Found {
    fn numbers(&self) -> Numbers<'_> {
        Numbers(self.numbers.iter())
    }

    /// Splits the first `length` bytes off.
    fn split(&mut self, length: u64) -> Result<Bytes> {
        let length = usize::try_from(length).map_err(|_| unreadable())?;
        if length > self.bytes.len() {
            return Err(unreadable());
        }
        Ok(self.bytes.split_to(length))
    }

    /// `seq`, then for each clone (the head counted): id, size, how many snapshots, how many
    /// ranges, the snapshots, the ranges.
    pub(crate) fn snap_set(&self) -> Result<SnapSet> {
        let mut numbers = self.numbers();
        let mut set = SnapSet { seq: SnapId(numbers.next()?), ..SnapSet::default() };
        while numbers.has_more() {
            let (id, size) = (SnapId(numbers.next()?), numbers.next()?);
            let (snaps, ranges) = (numbers.count(1)?, numbers.count(2)?);
            let snaps = (0..snaps).map(|_| numbers.next().map(SnapId)).collect::<Result<_>>()?;
            let overlap = (0..ranges)
                .map(|_| Ok((numbers.next()?, numbers.next()?)))
                .collect::<Result<_>>()?;
            match id {
                SnapId::HEAD => set.head_size = Some(size),
                id => set.clones.push(CloneInfo { id, snaps, size, overlap }),
            }
        }
        Ok(set)
    }

    /// For each watcher: client, handle, time-out in seconds, length of its address.
    pub(crate) fn watchers(mut self) -> Result<Vec<Watcher>> {
        let numbers = std::mem::take(&mut self.numbers);
        let mut numbers = Numbers(numbers.iter());
        let mut watchers = Vec::new();
        while numbers.has_more() {
            let (client, handle) = (ClientId(numbers.next()?), WatchHandle(numbers.next()?));
            let timeout_seconds = u32::try_from(numbers.next()?).map_err(|_| unreadable())?;
            let address = self.split(numbers.next()?)?;
            let address = ClientAddress(String::from_utf8_lossy(&address).into_owned());
            watchers.push(Watcher { client, address, handle, timeout_seconds });
        }
        Ok(watchers)
    }

    /// For each run: offset, length.
    pub(crate) fn extents(mut self) -> Result<Vec<(u64, Bytes)>> {
        let numbers = std::mem::take(&mut self.numbers);
        let mut numbers = Numbers(numbers.iter());
        let mut extents = Vec::new();
        while numbers.has_more() {
            let offset = numbers.next()?;
            let data = self.split(numbers.next()?)?;
            if !data.is_empty() {
                extents.push((offset, data));
            }
        }
        Ok(extents)
    }

    /// Whether there is more, then for each pair: length of the key, length of the value.
    pub(crate) fn omap_page(mut self) -> Result<OmapPage> {
        let numbers = std::mem::take(&mut self.numbers);
        let mut numbers = Numbers(numbers.iter());
        let more = numbers.next()? != 0;
        let mut entries = Vec::new();
        while numbers.has_more() {
            entries.push((self.split(numbers.next()?)?, self.split(numbers.next()?)?));
        }
        Ok(OmapPage { entries, more })
    }
}

impl std::fmt::Debug for Shim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shim")
    }
}
