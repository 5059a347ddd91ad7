//! Keeping `op_features` and the feature bit that stands for it in step.

use marcot_format::features::{Features, OpFeatures};
use marcot_format::header::{FEATURES, OP_FEATURES};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::omap;

/// Takes the bits of `mask` from `bits`. The key goes when no bit is left.
pub(super) fn replace(
    object: &mut dyn ObjectContext,
    bits: OpFeatures,
    mask: OpFeatures,
) -> Result<(), Errno> {
    let features: Features = omap::value(object, FEATURES)?;
    let before: OpFeatures = omap::optional(object, OP_FEATURES)?.unwrap_or_default();
    let after = before.replaced(bits, mask);
    if after == before {
        return Ok(());
    }
    let wanted = if after.is_empty() { Features::NONE } else { Features::OPERATIONS };
    let changed = features.replaced(wanted, Features::OPERATIONS);
    if changed != features {
        omap::set(object, FEATURES, &changed)?;
    }
    if after.is_empty() {
        omap::remove(object, OP_FEATURES)
    } else {
        omap::set(object, OP_FEATURES, &after)
    }
}

/// Adds bits.
pub(super) fn add(object: &mut dyn ObjectContext, bits: OpFeatures) -> Result<(), Errno> {
    replace(object, bits, bits)
}

/// Takes bits away.
pub(super) fn clear(object: &mut dyn ObjectContext, bits: OpFeatures) -> Result<(), Errno> {
    replace(object, OpFeatures::NONE, bits)
}
