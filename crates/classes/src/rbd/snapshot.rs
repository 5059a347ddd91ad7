//! Adding, removing, renaming and listing snapshots.

use marcot_format::call::header::GetSnapcontext;
use marcot_format::call::snapshot::{
    SnapshotAdd, SnapshotRemove, SnapshotRename, SnapshotTrashAdd,
};
use marcot_format::features::{Flags, OpFeatures};
use marcot_format::header::{FLAGS, PARENT, SIZE, SNAP_SEQ, SNAPSHOT_PREFIX, snapshot_key};
use marcot_format::parent::Parent;
use marcot_format::snapshot::{ProtectionStatus, Snapshot, SnapshotNamespace};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::snapshot_limit::limit;
use super::snapshot_list::{snapshot, snapshots};
use super::{now, op_features};
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 5] = [
    Entry::of::<GetSnapcontext>(),
    Entry::of::<SnapshotAdd>(),
    Entry::of::<SnapshotRemove>(),
    Entry::of::<SnapshotRename>(),
    Entry::of::<SnapshotTrashAdd>(),
];

/// The greatest id that a snapshot can have (`CEPH_MAXSNAP`).
const MAX_SNAP_ID: u64 = u64::MAX - 2;

impl Method for GetSnapcontext {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(u64, Vec<u64>), Errno> {
        let mut snaps = Vec::new();
        for (digits, _) in omap::list(object, SNAPSHOT_PREFIX, "", u64::MAX)? {
            snaps.push(u64::from_str_radix(&digits, 16).map_err(|_| Errno::IO)?);
        }
        snaps.reverse();
        Ok((omap::value(object, SNAP_SEQ)?, snaps))
    }
}

impl Method for SnapshotAdd {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let namespace = self.namespace.0.unwrap_or_default();
        if matches!(namespace, SnapshotNamespace::Unknown { .. }) || self.snap_id > MAX_SNAP_ID {
            return Err(Errno::INVAL);
        }
        let newest: u64 = omap::value(object, SNAP_SEQ)?;
        // Somebody else has taken a snapshot since this id was drawn: draw another.
        if self.snap_id < newest {
            return Err(Errno::STALE);
        }
        let image_size = omap::value(object, SIZE)?;
        let flags: Flags = omap::optional(object, FLAGS)?.unwrap_or_default();
        let present = snapshots(object)?;
        let taken = |other: &Snapshot| {
            other.id == self.snap_id || (other.name == self.name && other.namespace == namespace)
        };
        if present.iter().any(taken) {
            return Err(Errno::EXIST);
        }
        // A limit of 0 lets the first one through, as an OSD does.
        if !present.is_empty() && present.len() as u64 >= limit(object)? {
            return Err(Errno::DQUOT);
        }
        let parent: Option<Parent> = omap::optional(object, PARENT)?;
        let added = Snapshot {
            id: self.snap_id,
            name: self.name,
            image_size,
            protection: ProtectionStatus::Unprotected,
            flags,
            namespace,
            timestamp: now(object),
            child_count: 0,
            parent_overlap: parent.filter(Parent::exists).and_then(|parent| parent.head_overlap),
        };
        object.omap_set(vec![
            omap::pair(SNAP_SEQ, &self.snap_id),
            omap::pair(&snapshot_key(self.snap_id), &added),
        ])?;
        if is_trashed(&added) { op_features::add(object, OpFeatures::SNAP_TRASH) } else { Ok(()) }
    }
}

impl Method for SnapshotRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let removed = snapshot(object, self.snap_id)?;
        if removed.protection != ProtectionStatus::Unprotected || removed.child_count > 0 {
            return Err(Errno::BUSY);
        }
        let mut others = snapshots(object)?;
        others.retain(|other| other.id != self.snap_id);
        // Only after the list was read: RADOS shows a method what was there before its operation.
        omap::remove(object, &snapshot_key(self.snap_id))?;
        let parent = omap::optional::<Parent>(object, PARENT)?.filter(Parent::exists);
        let head_is_child = parent.as_ref().is_some_and(|parent| parent.head_overlap.is_some());
        let needed = head_is_child || others.iter().any(|other| other.parent_overlap.is_some());
        if parent.is_some() && !needed {
            omap::remove(object, PARENT)?;
        }
        let mut unused = OpFeatures::NONE;
        if !needed {
            unused = unused | OpFeatures::CLONE_CHILD;
        }
        if !others.iter().any(is_trashed) {
            unused = unused | OpFeatures::SNAP_TRASH;
        }
        op_features::clear(object, unused)
    }
}

impl Method for SnapshotRename {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let mut renamed = snapshot(object, self.snap_id)?;
        let taken = |other: &Snapshot| {
            other.name == self.name && other.namespace == SnapshotNamespace::User
        };
        if snapshots(object)?.iter().any(taken) {
            return Err(Errno::EXIST);
        }
        if renamed.namespace != SnapshotNamespace::User {
            return Err(Errno::INVAL);
        }
        renamed.name = self.name;
        omap::set(object, &snapshot_key(self.snap_id), &renamed)
    }
}

impl Method for SnapshotTrashAdd {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let mut trashed = snapshot(object, self.snap_id)?;
        if trashed.protection != ProtectionStatus::Unprotected {
            return Err(Errno::BUSY);
        }
        if is_trashed(&trashed) {
            return Err(Errno::EXIST);
        }
        let hidden = hidden_name(object, self.snap_id);
        let original_name = std::mem::replace(&mut trashed.name, hidden);
        let original_type = trashed.namespace.number();
        trashed.namespace = SnapshotNamespace::Trash { original_name, original_type };
        omap::set(object, &snapshot_key(self.snap_id), &trashed)?;
        op_features::add(object, OpFeatures::SNAP_TRASH)
    }
}

fn is_trashed(snapshot: &Snapshot) -> bool {
    matches!(snapshot.namespace, SnapshotNamespace::Trash { .. })
}

/// A name in the form of a UUID. Ceph draws a random one; the snapshot's id alone makes it unique
/// within the image, and a method that runs twice must come to the same bytes.
pub(super) fn hidden_name(object: &dyn ObjectContext, snap_id: u64) -> String {
    let now = object.now();
    let time = u64::from(now.seconds) << 32 | u64::from(now.nanoseconds);
    let (high, low) = (mix(time ^ mix(object.caller().0.0)), mix(snap_id));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// Spreads a number over 64 bits (the finalizer of splitmix64), one to one.
fn mix(number: u64) -> u64 {
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
