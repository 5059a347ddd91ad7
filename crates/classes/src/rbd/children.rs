//! Which clones hang on a snapshot.

use std::collections::BTreeSet;

use bytes::Bytes;
use marcot_format::call::children::{
    AddChild, ChildAttach, ChildDetach, ChildrenList, GetChildren, RemoveChild,
};
use marcot_format::children::{ChildImageSpec, ChildrenKey};
use marcot_format::features::OpFeatures;
use marcot_format::header::{snap_children_key, snapshot_key};
use marcot_format::snapshot::SnapshotNamespace;
use marcot_format::wire::{Decode, Encode};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::op_features;
use super::snapshot_list::{snapshot, snapshots};
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 6] = [
    Entry::of::<AddChild>(),
    Entry::of::<RemoveChild>(),
    Entry::of::<GetChildren>(),
    Entry::of::<ChildAttach>(),
    Entry::of::<ChildDetach>(),
    Entry::of::<ChildrenList>(),
];

/// The ids of the clones of format 1 of a snapshot; `ENOENT` when there is none.
fn clones(object: &mut dyn ObjectContext, parent: &ChildrenKey) -> Result<BTreeSet<String>, Errno> {
    let bytes = object.omap_value(&parent.to_bytes())?;
    BTreeSet::from_bytes(&bytes).map_err(|_| Errno::IO)
}

impl Method for AddChild {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let mut children = match clones(object, &self.parent) {
            Err(Errno::NOENT) => BTreeSet::new(),
            children => children?,
        };
        if !children.insert(self.child_id) {
            return Err(Errno::EXIST);
        }
        object.omap_set(vec![(self.parent.to_bytes().into(), children.to_bytes().into())])
    }
}

impl Method for RemoveChild {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let mut children = clones(object, &self.parent)?;
        if !children.remove(&self.child_id) {
            return Err(Errno::NOENT);
        }
        let key = Bytes::from(self.parent.to_bytes());
        if children.is_empty() {
            object.omap_remove(vec![key])
        } else {
            object.omap_set(vec![(key, children.to_bytes().into())])
        }
    }
}

impl Method for GetChildren {
    fn run(self, object: &mut dyn ObjectContext) -> Result<BTreeSet<String>, Errno> {
        clones(object, &self.parent)
    }
}

impl Method for ChildAttach {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let mut parent = snapshot(object, self.snap_id)?;
        if matches!(parent.namespace, SnapshotNamespace::Trash { .. }) {
            return Err(Errno::NOENT);
        }
        let key = snap_children_key(self.snap_id);
        let mut children: BTreeSet<ChildImageSpec> =
            omap::optional(object, &key)?.unwrap_or_default();
        if !children.insert(self.child) {
            return Err(Errno::EXIST);
        }
        parent.child_count = child_count(&children)?;
        object.omap_set(vec![
            omap::pair(&key, &children),
            omap::pair(&snapshot_key(self.snap_id), &parent),
        ])?;
        op_features::add(object, OpFeatures::CLONE_PARENT)
    }
}

impl Method for ChildDetach {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let mut parent = snapshot(object, self.snap_id)?;
        let key = snap_children_key(self.snap_id);
        let mut children: BTreeSet<ChildImageSpec> = omap::value(object, &key)?;
        if !children.remove(&self.child) {
            return Err(Errno::NOENT);
        }
        // Only before the first write: RADOS shows a method what was there before its operation.
        let others = snapshots(object)?;
        parent.child_count = child_count(&children)?;
        omap::set(object, &snapshot_key(self.snap_id), &parent)?;
        if !children.is_empty() {
            return omap::set(object, &key, &children);
        }
        omap::remove(object, &key)?;
        if others.iter().any(|other| other.id != self.snap_id && other.child_count > 0) {
            return Ok(());
        }
        op_features::clear(object, OpFeatures::CLONE_PARENT)
    }
}

impl Method for ChildrenList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<BTreeSet<ChildImageSpec>, Errno> {
        snapshot(object, self.snap_id)?;
        omap::value(object, &snap_children_key(self.snap_id))
    }
}

fn child_count(children: &BTreeSet<ChildImageSpec>) -> Result<u32, Errno> {
    u32::try_from(children.len()).map_err(|_| Errno::OVERFLOW)
}
