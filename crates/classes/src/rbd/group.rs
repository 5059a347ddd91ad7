//! The consistency group of an image.

use marcot_format::call::group::{ImageGroupAdd, ImageGroupGet, ImageGroupRemove};
use marcot_format::features::OpFeatures;
use marcot_format::group::GroupSpec;
use marcot_format::header::GROUP_REF;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::op_features;
use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 3] =
    [Entry::of::<ImageGroupAdd>(), Entry::of::<ImageGroupRemove>(), Entry::of::<ImageGroupGet>()];

impl Method for ImageGroupAdd {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if let Some(before) = omap::optional::<GroupSpec>(object, GROUP_REF)?
            && before != self.group
        {
            return Err(Errno::EXIST);
        }
        op_features::add(object, OpFeatures::GROUP)?;
        omap::set(object, GROUP_REF, &self.group)
    }
}

impl Method for ImageGroupRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let before: GroupSpec = omap::value(object, GROUP_REF)?;
        if before != self.group {
            return Err(Errno::BADF);
        }
        op_features::clear(object, OpFeatures::GROUP)?;
        omap::remove(object, GROUP_REF)
    }
}

impl Method for ImageGroupGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<GroupSpec, Errno> {
        Ok(omap::optional(object, GROUP_REF)?.unwrap_or_else(GroupSpec::none))
    }
}
