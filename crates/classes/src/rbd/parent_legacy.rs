//! The parent as releases before 14 ask for it: one call each, no namespaces.

use marcot_format::NO_SNAP;
use marcot_format::call::parent::{GetParent, LegacyParent, RemoveParent, SetParent};
use marcot_format::header::PARENT;
use marcot_format::parent::{Parent, ParentImageSpec};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::parent::{attach, detach, overlap, stored};
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 3] =
    [Entry::of::<GetParent>(), Entry::of::<SetParent>(), Entry::of::<RemoveParent>()];

impl Method for GetParent {
    fn run(self, object: &mut dyn ObjectContext) -> Result<LegacyParent, Errno> {
        let shown = overlap(object, self.snap_id)?;
        match (stored(object)?, shown) {
            (Some(parent), _) if !parent.pool_namespace.is_empty() => Err(Errno::XDEV),
            (Some(parent), Some(overlap)) => Ok(LegacyParent {
                pool_id: parent.pool_id,
                image_id: parent.image_id,
                snap_id: parent.snap_id,
                overlap,
            }),
            _ => Ok(LegacyParent {
                pool_id: -1,
                image_id: String::new(),
                snap_id: NO_SNAP,
                overlap: 0,
            }),
        }
    }
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
        object.stat()?;
        let parent: Parent = omap::value(object, PARENT)?;
        if !parent.pool_namespace.is_empty() {
            return Err(Errno::XDEV);
        }
        detach(object, parent)
    }
}
