//! Large writes without a copy: librados is lent the bytes, and they stay ours.
//!
//! librados' C API copies what it is to write. The shim hands it the caller's bytes instead, counted:
//! as long as librados shares them (in an operation, in a message that waits or is sent again) they
//! are neither changed nor freed. [`Bytes`] cannot change while somebody holds them, and a [`Loan`]
//! holds them. An operation may end before librados has let go: after a time-out, or when it was
//! sent twice. Its loan is then kept until a later one finds it over. A loan that is dropped before
//! it is over gives up the memory for good rather than free it.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use marcot_store::WriteStep;

use crate::library::Handle;
use crate::shim::Shim;

/// Below it a copy costs less than a loan.
const LARGE_BYTES: usize = 16 << 10;

/// Where in an object bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) presence: Presence,
}

/// Whether a write makes its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Made,
    Needed,
}

/// The write that is all these steps do, if its bytes are worth lending.
pub(crate) fn large_write(steps: &[WriteStep]) -> Option<(Place, &Bytes)> {
    let (presence, step) = match steps {
        [step] => (Presence::Made, step),
        [WriteStep::AssertExists, step] => (Presence::Needed, step),
        _ => return None,
    };
    match step {
        WriteStep::Write { offset, data } if data.len() >= LARGE_BYTES => {
            Some((Place { offset: *offset, presence }, data))
        }
        _ => None,
    }
}

/// Bytes that librados was lent.
pub(crate) struct Loan {
    shim: &'static Shim,
    handle: Handle,
    /// Empty once given up.
    bytes: Bytes,
}

// SAFETY: the shim's counter is atomic; nothing else of it is touched but by the owner.
unsafe impl Send for Loan {}

impl Loan {
    /// `None` when there is no memory for it.
    pub(crate) fn new(shim: &'static Shim, bytes: Bytes) -> Option<Loan> {
        // SAFETY: the bytes stay where they are and as they are while the loan holds them.
        let handle = unsafe { (shim.lend)(bytes.as_ptr().cast(), bytes.len()) };
        (!handle.is_null()).then_some(Loan { shim, handle, bytes })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What the shim knows it by; valid while the loan lives.
    pub(crate) fn handle(&self) -> Handle {
        self.handle
    }
}

impl Lent for Loan {
    fn is_over(&self) -> bool {
        // SAFETY: the handle is ours until the loan is dropped.
        unsafe { (self.shim.loan_over)(self.handle) != 0 }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if !self.is_over() {
            std::mem::forget(std::mem::take(&mut self.bytes));
        }
        // SAFETY: made by `lend`, ended once; what librados still shares is counted for itself.
        unsafe { (self.shim.loan_end)(self.handle) }
    }
}

impl fmt::Debug for Loan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Something lent.
pub(crate) trait Lent {
    /// Whether nobody shares it any more; nobody will again.
    fn is_over(&self) -> bool;
}

/// The loans of one connection whose operations have ended, and they have not. They are no more
/// than librados would keep copies of.
#[derive(Debug)]
pub(crate) struct Loans<L = Loan> {
    /// How many; written under the lock, read without it.
    out: AtomicUsize,
    kept: Mutex<Vec<L>>,
}

impl<L> Default for Loans<L> {
    fn default() -> Loans<L> {
        Loans { out: AtomicUsize::new(0), kept: Mutex::default() }
    }
}

impl<L: Lent> Loans<L> {
    /// Frees the loan of an ended operation, and those kept before, as far as they are over.
    pub(crate) fn take_back(&self, loan: L) {
        let over = loan.is_over();
        if over && self.out.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(loan);
        kept.retain(|loan| !loan.is_over());
        self.out.store(kept.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    /// A loan that is over when the test says so, and counts itself off when freed.
    struct Fake(Arc<AtomicBool>, Arc<AtomicUsize>);

    impl Lent for Fake {
        fn is_over(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            assert!(self.is_over(), "freed while it was shared");
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn loans_are_freed_when_they_are_over_and_not_before() {
        let freed = Arc::new(AtomicUsize::new(0));
        let loan = |over: &Arc<AtomicBool>| Fake(Arc::clone(over), Arc::clone(&freed));
        let (yes, later) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        let loans = Loans::default();
        loans.take_back(loan(&yes));
        assert_eq!(freed.load(Ordering::Relaxed), 1, "over at once");
        loans.take_back(loan(&later));
        loans.take_back(loan(&yes));
        assert_eq!(freed.load(Ordering::Relaxed), 2, "one is still shared");
        later.store(true, Ordering::Relaxed);
        loans.take_back(loan(&yes));
        assert_eq!(freed.load(Ordering::Relaxed), 4);
        assert_eq!(loans.out.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn only_large_writes_that_are_alone_are_lent() {
        let write = |length| WriteStep::Write { offset: 8, data: Bytes::from(vec![1; length]) };
        let found = |steps: &[WriteStep]| large_write(steps).map(|(place, _)| place);
        let place = |presence| Some(Place { offset: 8, presence });
        assert_eq!(found(&[write(LARGE_BYTES)]), place(Presence::Made));
        assert_eq!(found(&[WriteStep::AssertExists, write(LARGE_BYTES)]), place(Presence::Needed));
        assert_eq!(found(&[write(LARGE_BYTES - 1)]), None);
        assert_eq!(found(&[write(LARGE_BYTES), write(LARGE_BYTES)]), None);
        assert_eq!(found(&[WriteStep::Remove, write(LARGE_BYTES)]), None);
    }
}
