//! Asking who holds what.

use marcot_format::call::lock::{AssertLocked, GetInfo, ListLocks, LockNames};
use marcot_format::lock::{LockInfo, name_of_attribute};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::stored::{check_named, hold, load};
use crate::method::{Entry, Method};

pub(super) const METHODS: [Entry; 3] =
    [Entry::of::<GetInfo>(), Entry::of::<ListLocks>(), Entry::of::<AssertLocked>()];

impl Method for GetInfo {
    fn run(self, object: &mut dyn ObjectContext) -> Result<LockInfo, Errno> {
        load(object, &self.name)
    }
}

impl Method for ListLocks {
    fn run(self, object: &mut dyn ObjectContext) -> Result<LockNames, Errno> {
        let attributes = object.xattrs()?;
        let names = attributes.iter().filter_map(|(name, _)| name_of_attribute(name));
        Ok(LockNames(names.map(str::to_owned).collect()))
    }
}

impl Method for AssertLocked {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        check_named(&self.name, self.kind)?;
        let info = load(object, &self.name)?;
        let held = info.kind == self.kind
            && info.tag == self.tag
            && info.lockers.contains_key(&hold(object, &self.cookie));
        if held { Ok(()) } else { Err(Errno::BUSY) }
    }
}
