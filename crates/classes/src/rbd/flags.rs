//! Flags of an image or snapshot, and what operations left behind.

use marcot_format::NO_SNAP;
use marcot_format::call::header::{GetFlags, OpFeaturesGet, OpFeaturesSet, SetFlags};
use marcot_format::features::{Flags, OpFeatures};
use marcot_format::header::{FLAGS, OP_FEATURES, snapshot_key};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::op_features;
use super::snapshot_list::snapshot;
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 4] = [
    Entry::of::<GetFlags>(),
    Entry::of::<SetFlags>(),
    Entry::of::<OpFeaturesGet>(),
    Entry::of::<OpFeaturesSet>(),
];

impl Method for GetFlags {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Flags, Errno> {
        match self.snap_id {
            NO_SNAP => Ok(omap::optional(object, FLAGS)?.unwrap_or_default()),
            snap_id => Ok(snapshot(object, snap_id)?.flags),
        }
    }
}

impl Method for SetFlags {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        match self.snap_id.0 {
            None | Some(NO_SNAP) => {
                let before: Flags = omap::optional(object, FLAGS)?.unwrap_or_default();
                omap::set(object, FLAGS, &before.replaced(self.flags, self.mask))
            }
            Some(snap_id) => {
                let mut snapshot = snapshot(object, snap_id)?;
                snapshot.flags = snapshot.flags.replaced(self.flags, self.mask);
                omap::set(object, &snapshot_key(snap_id), &snapshot)
            }
        }
    }
}

impl Method for OpFeaturesGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<OpFeatures, Errno> {
        Ok(omap::optional(object, OP_FEATURES)?.unwrap_or_default())
    }
}

impl Method for OpFeaturesSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if !OpFeatures::ALL.contains(self.mask) {
            return Err(Errno::INVAL);
        }
        op_features::replace(object, self.op_features, self.mask)
    }
}
