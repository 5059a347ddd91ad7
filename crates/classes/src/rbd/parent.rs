//! The link from a clone to its parent.

use marcot_format::NO_SNAP;
use marcot_format::call::parent::{ParentAttach, ParentDetach, ParentGet, ParentOverlapGet};
use marcot_format::features::{Features, OpFeatures};
use marcot_format::header::{FEATURES, PARENT, SIZE, snapshot_key};
use marcot_format::parent::{Parent, ParentImageSpec};
use marcot_format::snapshot::Snapshot;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::snapshot_list::{snapshot, snapshots};
use super::{op_features, require_feature};
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 4] = [
    Entry::of::<ParentGet>(),
    Entry::of::<ParentOverlapGet>(),
    Entry::of::<ParentAttach>(),
    Entry::of::<ParentDetach>(),
];

/// Whether the image can have a parent at all.
pub(super) fn is_layered(object: &mut dyn ObjectContext) -> Result<bool, Errno> {
    match require_feature(object, Features::LAYERING) {
        Ok(()) => Ok(true),
        Err(Errno::NOEXEC | Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// The stored link, if it names a snapshot.
pub(super) fn stored(object: &mut dyn ObjectContext) -> Result<Option<Parent>, Errno> {
    Ok(omap::optional::<Parent>(object, PARENT)?.filter(Parent::exists))
}

impl Method for ParentGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<ParentImageSpec, Errno> {
        if !is_layered(object)? {
            return Ok(ParentImageSpec::none());
        }
        Ok(stored(object)?.map_or_else(ParentImageSpec::none, |parent| parent.spec()))
    }
}

impl Method for ParentOverlapGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Option<u64>, Errno> {
        if !is_layered(object)? {
            return Ok(None);
        }
        match self.snap_id {
            NO_SNAP => Ok(stored(object)?.and_then(|parent| parent.head_overlap)),
            snap_id => Ok(snapshot(object, snap_id)?.parent_overlap),
        }
    }
}

impl Method for ParentAttach {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        attach(object, Parent::new(self.parent, Some(self.overlap)), self.reattach.0 == Some(true))
    }
}

/// Links to a parent. A link that the head has let go of may be taken up again.
pub(super) fn attach(
    object: &mut dyn ObjectContext,
    mut parent: Parent,
    reattach: bool,
) -> Result<(), Errno> {
    require_feature(object, Features::LAYERING)?;
    let overlap = parent.head_overlap.unwrap_or_default();
    if !parent.exists() || overlap == 0 {
        return Err(Errno::INVAL);
    }
    if let Some(before) = omap::optional::<Parent>(object, PARENT)? {
        let let_go = before.head_overlap.is_none() && before.spec() == parent.spec();
        if !let_go && !reattach {
            return Err(Errno::EXIST);
        }
    }
    let size: u64 = omap::value(object, SIZE)?;
    parent.head_overlap = Some(overlap.min(size));
    omap::set(object, PARENT, &parent)
}

impl Method for ParentDetach {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        require_feature(object, Features::LAYERING)?;
        let parent = omap::value(object, PARENT)?;
        detach(object, parent)
    }
}

/// Cuts the head loose; with deep-flatten the snapshots too. Without it the link stays for the
/// snapshots that look through to the parent.
pub(super) fn detach(object: &mut dyn ObjectContext, mut parent: Parent) -> Result<(), Errno> {
    if parent.head_overlap.is_none() {
        return Err(Errno::NOENT);
    }
    let features: Features = omap::value(object, FEATURES)?;
    let mut looking_through = snapshots(object)?;
    looking_through.retain(|snapshot| snapshot.parent_overlap.is_some());
    if looking_through.is_empty() || features.contains(Features::DEEP_FLATTEN) {
        for snapshot in looking_through {
            let cut = Snapshot { parent_overlap: None, ..snapshot };
            omap::set(object, &snapshot_key(cut.id), &cut)?;
        }
        omap::remove(object, PARENT)?;
        op_features::clear(object, OpFeatures::CLONE_CHILD)
    } else {
        parent.head_overlap = None;
        omap::set(object, PARENT, &parent)
    }
}
