//! Reading and writing a lock's attribute, and who calls.

use marcot_format::Utime;
use marcot_format::entity::{AddressKind, EntityAddress, EntityName};
use marcot_format::lock::{LockInfo, LockKind, LockerId, attribute};
use marcot_format::wire::{Decode, Encode};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

/// A lock with the lockers whose time has not run out; empty when there is none.
pub(super) fn load(object: &mut dyn ObjectContext, name: &str) -> Result<LockInfo, Errno> {
    let bytes = match object.xattr(&attribute(name)) {
        Err(Errno::NODATA | Errno::NOENT) => return Ok(LockInfo::default()),
        bytes => bytes?,
    };
    let mut info = LockInfo::from_bytes(&bytes).map_err(|_| Errno::IO)?;
    let now = now(object);
    info.lockers.retain(|_, locker| locker.expiration.is_zero() || locker.expiration >= now);
    Ok(info)
}

/// Writes a lock back, with or without lockers.
pub(super) fn save(
    object: &mut dyn ObjectContext,
    name: &str,
    info: &LockInfo,
) -> Result<(), Errno> {
    object.set_xattr(&attribute(name), &info.to_bytes())
}

/// The store's clock.
pub(super) fn now(object: &dyn ObjectContext) -> Utime {
    let now = object.now();
    Utime { seconds: now.seconds, nanoseconds: now.nanoseconds }
}

/// The caller's hold with this cookie.
pub(super) fn hold(object: &dyn ObjectContext, cookie: &str) -> LockerId {
    LockerId { locker: EntityName::client(object.caller().0.0), cookie: cookie.to_owned() }
}

/// The caller's address, in the form that locks keep.
pub(super) fn caller_address(object: &dyn ObjectContext) -> EntityAddress {
    let (_, address) = object.caller();
    EntityAddress::parse(&address.0, AddressKind::Legacy).unwrap_or(EntityAddress::BLANK)
}

/// `EINVAL` for a lock without a name or kind.
pub(super) fn check_named(name: &str, kind: LockKind) -> Result<(), Errno> {
    if name.is_empty() || kind == LockKind::None { Err(Errno::INVAL) } else { Ok(()) }
}
