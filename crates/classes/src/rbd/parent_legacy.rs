//! The parent as releases before 14 ask for it: one call each, no namespaces.

use marcot_format::NO_SNAP;
use marcot_format::call::parent::{GetParent, LegacyParent, RemoveParent, SetParent};
use marcot_format::features::Features;
use marcot_format::header::{PARENT, snapshot_key};
use marcot_format::parent::{Parent, ParentImageSpec};
use marcot_format::snapshot::Snapshot;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::parent::{attach, detach, is_layered, stored};
use super::require_feature;
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 3] =
    [Entry::of::<GetParent>(), Entry::of::<SetParent>(), Entry::of::<RemoveParent>()];

impl Method for GetParent {
    fn run(self, object: &mut dyn ObjectContext) -> Result<LegacyParent, Errno> {
        if !is_layered(object)? {
            return Ok(no_parent());
        }
        let Some(parent) = stored(object)? else {
            return Ok(no_parent());
        };
        if !parent.pool_namespace.is_empty() {
            return Err(Errno::XDEV);
        }
        let overlap = match self.snap_id {
            NO_SNAP => parent.head_overlap.unwrap_or_default(),
            snap_id => {
                let found: Option<Snapshot> = omap::optional(object, &snapshot_key(snap_id))?;
                match found.and_then(|snapshot| snapshot.parent_overlap) {
                    Some(overlap) => overlap,
                    None => return Ok(no_parent()),
                }
            }
        };
        Ok(LegacyParent {
            pool_id: parent.pool_id,
            image_id: parent.image_id,
            snap_id: parent.snap_id,
            overlap,
        })
    }
}

fn no_parent() -> LegacyParent {
    LegacyParent { pool_id: -1, image_id: String::new(), snap_id: NO_SNAP, overlap: 0 }
}

impl Method for SetParent {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let spec = ParentImageSpec {
            pool_id: self.pool_id,
            pool_namespace: String::new(),
            image_id: self.image_id,
            snap_id: self.snap_id,
        };
        attach(object, Parent::new(spec, Some(self.overlap)), false)
    }
}

impl Method for RemoveParent {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        require_feature(object, Features::LAYERING)?;
        let parent: Parent = omap::value(object, PARENT)?;
        if !parent.pool_namespace.is_empty() {
            return Err(Errno::XDEV);
        }
        detach(object, parent)
    }
}
