//! Giving a lock back, taking it from another, and changing a hold's cookie.

use marcot_format::call::lock::{BreakLock, SetCookie, Unlock};
use marcot_format::lock::{LockKind, LockerId};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::stored::{check_named, hold, load, save};
use crate::method::{Entry, Method};

pub(super) const METHODS: [Entry; 3] =
    [Entry::of::<Unlock>(), Entry::of::<BreakLock>(), Entry::of::<SetCookie>()];

impl Method for Unlock {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let hold = hold(object, &self.cookie);
        release(object, &self.name, &hold)
    }
}

impl Method for BreakLock {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        release(object, &self.name, &LockerId { locker: self.locker, cookie: self.cookie })
    }
}

/// Ends a hold. The attribute stays; of an ephemeral lock the whole object goes.
fn release(object: &mut dyn ObjectContext, name: &str, hold: &LockerId) -> Result<(), Errno> {
    let mut info = load(object, name)?;
    if info.lockers.remove(hold).is_none() {
        return Err(Errno::NOENT);
    }
    if info.kind == LockKind::ExclusiveEphemeral {
        return object.remove();
    }
    save(object, name, &info)
}

impl Method for SetCookie {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        check_named(&self.name, self.kind)?;
        object.stat()?;
        let mut info = load(object, &self.name)?;
        let other = info.lockers.is_empty() || info.kind != self.kind || info.tag != self.tag;
        let renamed = hold(object, &self.new_cookie);
        if other || info.lockers.contains_key(&renamed) {
            return Err(Errno::BUSY);
        }
        let held = info.lockers.remove(&hold(object, &self.cookie)).ok_or(Errno::BUSY)?;
        info.lockers.insert(renamed, held);
        save(object, &self.name, &info)
    }
}
