//! How many snapshots an image may have.

use marcot_format::call::snapshot::{SnapshotGetLimit, SnapshotSetLimit};
use marcot_format::header::{SNAP_LIMIT, SNAPSHOT_PREFIX};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::format_1;
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 2] =
    [Entry::of::<SnapshotGetLimit>(), Entry::of::<SnapshotSetLimit>()];

/// `u64::MAX` when there is none.
pub(super) fn limit(object: &mut dyn ObjectContext) -> Result<u64, Errno> {
    Ok(omap::optional(object, SNAP_LIMIT)?.unwrap_or(u64::MAX))
}

impl Method for SnapshotGetLimit {
    fn run(self, object: &mut dyn ObjectContext) -> Result<u64, Errno> {
        limit(object)
    }
}

impl Method for SnapshotSetLimit {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if self.limit == u64::MAX {
            return omap::remove(object, SNAP_LIMIT);
        }
        let present = omap::list(object, SNAPSHOT_PREFIX, "", u64::MAX)?.len() as u64;
        let present = present + format_1::snapshot_count(object)?;
        if present > self.limit {
            return Err(Errno::RANGE);
        }
        omap::set(object, SNAP_LIMIT, &self.limit)
    }
}
