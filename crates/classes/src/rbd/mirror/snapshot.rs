//! Checkpoints of mirroring in an image's header.

use marcot_format::call::mirror::{
    MirrorImageSnapshotSetCopyProgress, MirrorImageSnapshotUnlinkPeer,
};
use marcot_format::header::snapshot_key;
use marcot_format::snapshot::{MirrorSnapshot, MirrorSnapshotState, SnapshotNamespace};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::{Entry, Method};
use crate::omap;
use crate::rbd::snapshot_list::snapshot;

pub(super) const METHODS: [Entry; 2] = [
    Entry::of::<MirrorImageSnapshotUnlinkPeer>(),
    Entry::of::<MirrorImageSnapshotSetCopyProgress>(),
];

/// Changes a checkpoint; `EINVAL` for a snapshot of another kind.
fn change(
    object: &mut dyn ObjectContext,
    snap_id: u64,
    change: impl FnOnce(&mut MirrorSnapshot) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut stored = snapshot(object, snap_id)?;
    let SnapshotNamespace::Mirror(checkpoint) = &mut stored.namespace else {
        return Err(Errno::INVAL);
    };
    change(checkpoint)?;
    omap::set(object, &snapshot_key(snap_id), &stored)
}

/// Whether the checkpoint came from another site: only there are objects copied.
fn is_copy(state: MirrorSnapshotState) -> bool {
    matches!(state, MirrorSnapshotState::NonPrimary | MirrorSnapshotState::NonPrimaryDemoted)
}

impl Method for MirrorImageSnapshotUnlinkPeer {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        change(object, self.snap_id, |checkpoint| {
            let known = checkpoint.mirror_peer_uuids.remove(&self.mirror_peer_uuid);
            if known { Ok(()) } else { Err(Errno::NOENT) }
        })
    }
}

impl Method for MirrorImageSnapshotSetCopyProgress {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        change(object, self.snap_id, |checkpoint| {
            checkpoint.complete = self.complete;
            if is_copy(checkpoint.state) {
                checkpoint.last_copied_object_number = self.last_copied_object_number;
            }
            Ok(())
        })
    }
}
