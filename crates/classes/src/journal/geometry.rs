//! How a journal is laid out, and which sets of objects it uses.

use marcot_format::call::journal::{
    GetActiveSet, GetMinimumSet, GetOrder, GetPoolId, GetSplayWidth, JournalCreate, SetActiveSet,
    SetMinimumSet,
};
use marcot_format::journal::{
    ACTIVE_SET, MINIMUM_SET, NEXT_TAG_CLASS, NEXT_TAG_TID, ORDER, POOL_ID, SPLAY_WIDTH,
};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::value;
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 8] = [
    Entry::of::<JournalCreate>(),
    Entry::of::<GetOrder>(),
    Entry::of::<GetSplayWidth>(),
    Entry::of::<GetPoolId>(),
    Entry::of::<GetMinimumSet>(),
    Entry::of::<SetMinimumSet>(),
    Entry::of::<GetActiveSet>(),
    Entry::of::<SetActiveSet>(),
];

impl Method for JournalCreate {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if omap::contains(object, ORDER)? {
            return Err(Errno::EXIST);
        }
        object.omap_set(vec![
            omap::pair(ORDER, &self.order),
            omap::pair(SPLAY_WIDTH, &self.splay_width),
            omap::pair(POOL_ID, &self.pool_id),
            omap::pair(MINIMUM_SET, &0u64),
            omap::pair(ACTIVE_SET, &0u64),
            omap::pair(NEXT_TAG_TID, &0u64),
            omap::pair(NEXT_TAG_CLASS, &0u64),
        ])
    }
}

impl Method for GetOrder {
    fn run(self, object: &mut dyn ObjectContext) -> Result<u8, Errno> {
        value(object, ORDER)
    }
}

impl Method for GetSplayWidth {
    fn run(self, object: &mut dyn ObjectContext) -> Result<u8, Errno> {
        value(object, SPLAY_WIDTH)
    }
}

impl Method for GetPoolId {
    fn run(self, object: &mut dyn ObjectContext) -> Result<i64, Errno> {
        value(object, POOL_ID)
    }
}

impl Method for GetMinimumSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<u64, Errno> {
        value(object, MINIMUM_SET)
    }
}

impl Method for SetMinimumSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let active: u64 = value(object, ACTIVE_SET)?;
        if self.object_set > active {
            return Err(Errno::INVAL);
        }
        move_on(object, MINIMUM_SET, self.object_set)
    }
}

impl Method for GetActiveSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<u64, Errno> {
        value(object, ACTIVE_SET)
    }
}

impl Method for SetActiveSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        move_on(object, ACTIVE_SET, self.object_set)
    }
}

/// Stores the number of a set; `ESTALE` for an earlier one.
fn move_on(object: &mut dyn ObjectContext, key: &str, set: u64) -> Result<(), Errno> {
    let current: u64 = value(object, key)?;
    match set.cmp(&current) {
        std::cmp::Ordering::Less => Err(Errno::STALE),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => omap::set(object, key, &set),
    }
}
