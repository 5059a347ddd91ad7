//! Features of images that this release shows but does not change.

use std::fmt::Write as _;
use std::sync::Arc;

use marcot_format::features::Features;

use super::Header;

/// What keeping would take more than is built: entries in a journal, the other end of a migration
/// or of mirroring, a cache on another machine.
const UNWRITABLE: Features = Features::JOURNALING
    .union(Features::MIGRATING)
    .union(Features::NON_PRIMARY)
    .union(Features::DIRTY_CACHE);

/// Why an image cannot be changed by this release. It stays readable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("image {image} can be read but not changed here: it has {}", shown(*features))]
pub struct UnwritableError {
    pub image: Arc<str>,
    pub features: Features,
}

impl Header {
    /// Whether this release may change the image; `despite` are features that the caller minds.
    pub(crate) fn check_writable(&self, despite: Features) -> Result<(), UnwritableError> {
        let unknown = self.features.without(Features::ALL);
        let features = (self.features & UNWRITABLE).without(despite) | unknown;
        match features.is_empty() {
            true => Ok(()),
            false => Err(UnwritableError { image: Arc::clone(&self.name), features }),
        }
    }
}

fn shown(features: Features) -> String {
    let mut text = features.names().collect::<Vec<_>>().join(", ");
    let unknown = features.without(Features::ALL);
    if !unknown.is_empty() {
        let comma = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{comma}unknown features {:#x}", unknown.bits());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_name_the_features() {
        let features = Features::JOURNALING | Features::NON_PRIMARY | Features::from_bits(1 << 40);
        let error = UnwritableError { image: "a".into(), features };
        assert_eq!(
            error.to_string(),
            "image a can be read but not changed here: it has journaling, non-primary, unknown \
             features 0x10000000000"
        );
    }
}
