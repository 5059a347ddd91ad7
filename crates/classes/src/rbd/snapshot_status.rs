//! What is known of one snapshot, and its protection.

use marcot_format::call::snapshot::{
    GetProtectionStatus, GetSnapshotName, GetSnapshotTimestamp, SetProtectionStatus, SnapshotGet,
};
use marcot_format::features::Features;
use marcot_format::header::snapshot_key;
use marcot_format::snapshot::{ProtectionStatus, SnapshotInfo};
use marcot_format::{NO_SNAP, Utime};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::require_feature;
use super::snapshot_list::snapshot;
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 5] = [
    Entry::of::<SnapshotGet>(),
    Entry::of::<GetSnapshotName>(),
    Entry::of::<GetSnapshotTimestamp>(),
    Entry::of::<GetProtectionStatus>(),
    Entry::of::<SetProtectionStatus>(),
];

impl Method for SnapshotGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<SnapshotInfo, Errno> {
        not_head(self.snap_id)?;
        let found = snapshot(object, self.snap_id)?;
        Ok(SnapshotInfo {
            id: found.id,
            namespace: found.namespace,
            name: found.name,
            image_size: found.image_size,
            timestamp: found.timestamp,
            child_count: found.child_count,
        })
    }
}

impl Method for GetSnapshotName {
    fn run(self, object: &mut dyn ObjectContext) -> Result<String, Errno> {
        not_head(self.snap_id)?;
        Ok(snapshot(object, self.snap_id)?.name)
    }
}

impl Method for GetSnapshotTimestamp {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Utime, Errno> {
        not_head(self.snap_id)?;
        Ok(snapshot(object, self.snap_id)?.timestamp)
    }
}

impl Method for GetProtectionStatus {
    fn run(self, object: &mut dyn ObjectContext) -> Result<ProtectionStatus, Errno> {
        not_head(self.snap_id)?;
        Ok(snapshot(object, self.snap_id)?.protection)
    }
}

impl Method for SetProtectionStatus {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        require_feature(object, Features::LAYERING)?;
        not_head(self.snap_id)?;
        let mut changed = snapshot(object, self.snap_id)?;
        changed.protection = self.status;
        omap::set(object, &snapshot_key(self.snap_id), &changed)
    }
}

/// The head has no name, no time and no protection.
fn not_head(snap_id: u64) -> Result<(), Errno> {
    if snap_id == NO_SNAP { Err(Errno::INVAL) } else { Ok(()) }
}
