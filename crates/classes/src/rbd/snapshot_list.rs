//! Finding the snapshots in a header.

use marcot_format::header::{SNAPSHOT_PREFIX, snapshot_key};
use marcot_format::snapshot::Snapshot;
use marcot_format::wire::Decode;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::omap;

/// One snapshot; `ENOENT`.
pub(super) fn snapshot(object: &mut dyn ObjectContext, snap_id: u64) -> Result<Snapshot, Errno> {
    omap::value(object, &snapshot_key(snap_id))
}

/// All snapshots, oldest first.
pub(super) fn snapshots(object: &mut dyn ObjectContext) -> Result<Vec<Snapshot>, Errno> {
    omap::list(object, SNAPSHOT_PREFIX, "", u64::MAX)?
        .iter()
        .map(|(_, value)| Snapshot::from_bytes(value).map_err(|_| Errno::IO))
        .collect()
}
