//! How whoever makes an image wants it laid out: what `create`, `clone` and `copy` are asked alike.

use marcot_format::features::Features;

use crate::header::Header;

/// What was asked of a new image's layout. What is left out comes from the configuration or, for
/// an image that is made like another, from that one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Objects are of two to the power of this many bytes.
    pub order: Option<u8>,
    pub features: Option<Features>,
    /// Features that it is not to have, wherever they come from.
    pub features_clear: Features,
    /// In bytes; goes with `stripe_count`.
    pub stripe_unit: Option<u64>,
    pub stripe_count: Option<u64>,
    /// The name of the pool where data objects go; empty, or the header's own, for beside it.
    pub data_pool: Option<String>,
}

impl Layout {
    /// The same with what was left out from another image: its features but journaling, its object
    /// size, and its stripes, also with another object size. Where one of unit and count was asked
    /// for, the configuration completes it. The data pool is not inherited.
    pub(super) fn like(&self, other: &Header) -> Layout {
        let striping = &other.striping;
        let (stripe_unit, stripe_count) = match (self.stripe_unit, self.stripe_count) {
            (None, None) => (Some(striping.stripe_unit()), Some(striping.stripe_count())),
            asked => asked,
        };
        Layout {
            order: self.order.or(Some(striping.order())),
            features: self.features.or(Some(other.features.without(Features::JOURNALING))),
            stripe_unit,
            stripe_count,
            ..self.clone()
        }
    }
}
