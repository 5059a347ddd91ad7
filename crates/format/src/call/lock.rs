//! Calls of the class `lock`, on any object.

use crate::Utime;
use crate::entity::EntityName;
use crate::lock::{LockInfo, LockKind};
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// For [`Lock::flags`]: taking a lock again that the caller holds is no error.
pub const MAY_RENEW: u8 = 1;
/// For [`Lock::flags`]: the caller must hold the lock already.
pub const MUST_RENEW: u8 = 2;

calls! {
    /// `EBUSY` while others hold it, `EEXIST` when the caller does.
    Lock = write "lock" "lock" as 1 {
        name: String,
        kind: LockKind,
        cookie: String,
        tag: String,
        description: String,
        /// Zero: until it is given back.
        duration: Utime,
        /// [`MAY_RENEW`], [`MUST_RENEW`].
        flags: u8,
    } -> ();

    /// `ENOENT` when the caller does not hold it with that cookie.
    Unlock = write "lock" "unlock" as 1 { name: String, cookie: String } -> ();

    /// Takes the lock from another. `ENOENT` when that one does not hold it.
    BreakLock = write "lock" "break_lock" as 1 {
        name: String,
        locker: EntityName,
        cookie: String,
    } -> ();

    /// No lockers when there is no such lock.
    GetInfo = read "lock" "get_info" as 1 { name: String } -> LockInfo;

    ListLocks = read "lock" "list_locks" {} -> LockNames;

    /// `EBUSY` unless the caller holds it just so.
    AssertLocked = read "lock" "assert_locked" as 1 {
        name: String,
        kind: LockKind,
        cookie: String,
        tag: String,
    } -> ();

    /// Replaces the cookie of a hold of the caller.
    SetCookie = write "lock" "set_cookie" as 1 {
        name: String,
        kind: LockKind,
        cookie: String,
        tag: String,
        new_cookie: String,
    } -> ();
}

/// What [`ListLocks`] returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockNames(pub Vec<String>);

impl Encode for LockNames {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.0);
        });
    }
}

impl Decode for LockNames {
    const RECORD: &'static str = "result of lock.list_locks";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| Ok(LockNames(input.field("locks")?)))
    }
}
