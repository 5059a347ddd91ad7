//! Whether a pool is mirrored, and its name among its peers.

use marcot_format::call::mirror::{MirrorModeGet, MirrorModeSet, MirrorUuidGet, MirrorUuidSet};
use marcot_format::mirror::{MODE, MirrorMode, MirrorUuid, PEER_PREFIX, UUID};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 4] = [
    Entry::of::<MirrorUuidGet>(),
    Entry::of::<MirrorUuidSet>(),
    Entry::of::<MirrorModeGet>(),
    Entry::of::<MirrorModeSet>(),
];

/// Disabled where none was ever set.
pub(super) fn mode(object: &mut dyn ObjectContext) -> Result<MirrorMode, Errno> {
    Ok(omap::optional(object, MODE)?.unwrap_or(MirrorMode::Disabled))
}

impl Method for MirrorUuidGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<String, Errno> {
        Ok(omap::value::<MirrorUuid>(object, UUID)?.0)
    }
}

impl Method for MirrorUuidSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        if self.mirror_uuid.is_empty() || mode(object)? != MirrorMode::Disabled {
            return Err(Errno::INVAL);
        }
        omap::set(object, UUID, &MirrorUuid(self.mirror_uuid))
    }
}

impl Method for MirrorModeGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<MirrorMode, Errno> {
        omap::value(object, MODE)
    }
}

impl Method for MirrorModeSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let current = mode(object)?;
        if self.mode != MirrorMode::Disabled {
            if !omap::contains(object, UUID)? {
                return Err(Errno::INVAL);
            }
            return omap::set(object, MODE, &self.mode);
        }
        if current == MirrorMode::Disabled {
            return Ok(());
        }
        if !omap::list(object, PEER_PREFIX, "", 1)?.is_empty() {
            return Err(Errno::BUSY);
        }
        omap::remove(object, MODE)?;
        omap::remove(object, UUID)
    }
}
