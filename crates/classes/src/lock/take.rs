//! Taking a lock.

use marcot_format::Utime;
use marcot_format::call::lock::{Lock, MAY_RENEW, MUST_RENEW};
use marcot_format::lock::{LockInfo, LockKind, LockerInfo};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::stored::{caller_address, check_named, hold, load, now, save};
use crate::method::{Entry, Method};

pub(super) const METHODS: [Entry; 1] = [Entry::of::<Lock>()];

impl Method for Lock {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        check_named(&self.name, self.kind)?;
        let renewal = Renewal::of(self.flags)?;
        let mut info = load(object, &self.name)?;
        if !info.lockers.is_empty() && info.tag != self.tag {
            return Err(Errno::BUSY);
        }
        let hold = hold(object, &self.cookie);
        match (info.lockers.remove(&hold).is_some(), renewal) {
            (true, Renewal::Refused) => return Err(Errno::EXIST),
            (false, Renewal::Demanded) => return Err(Errno::NOENT),
            (true, Renewal::Allowed | Renewal::Demanded)
            | (false, Renewal::Refused | Renewal::Allowed) => {}
        }
        check_room(&info, self.kind)?;

        let locker = LockerInfo {
            expiration: expiration(object, self.duration),
            address: caller_address(object),
            description: self.description,
        };
        info.lockers.insert(hold, locker);
        info.kind = self.kind;
        info.tag = self.tag;
        save(object, &self.name, &info)
    }
}

/// What a caller wants who may hold the lock already.
#[derive(Clone, Copy)]
enum Renewal {
    Refused,
    Allowed,
    Demanded,
}

impl Renewal {
    fn of(flags: u8) -> Result<Renewal, Errno> {
        match (flags & MAY_RENEW != 0, flags & MUST_RENEW != 0) {
            (false, false) => Ok(Renewal::Refused),
            (true, false) => Ok(Renewal::Allowed),
            (false, true) => Ok(Renewal::Demanded),
            (true, true) => Err(Errno::INVAL),
        }
    }
}

/// `EBUSY` unless the other holders, if any, share.
fn check_room(info: &LockInfo, kind: LockKind) -> Result<(), Errno> {
    let room = info.lockers.is_empty() || (kind == LockKind::Shared && info.kind == kind);
    if room { Ok(()) } else { Err(Errno::BUSY) }
}

fn expiration(object: &dyn ObjectContext, duration: Utime) -> Utime {
    if duration.is_zero() {
        return Utime::default();
    }
    let end = now(object).duration() + duration.duration();
    Utime {
        seconds: u32::try_from(end.as_secs()).unwrap_or(u32::MAX),
        nanoseconds: end.subsec_nanos(),
    }
}
