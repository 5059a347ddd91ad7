//! A mirrored image: `image_<image id>`.

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// That an image is mirrored, and how (`cls::rbd::MirrorImage`, version 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorImage {
    pub mode: MirrorImageMode,
    /// The same on all sides.
    pub global_image_id: String,
    pub state: MirrorImageState,
}

numbered! {
    /// How changes get to the other side.
    MirrorImageMode: u8, "mirror image mode" {
        Journal = 0,
        Snapshot = 1,
    }
}

numbered! {
    /// How far mirroring of an image has been set up.
    MirrorImageState: u8, "mirror image state" {
        Disabling = 0,
        Enabled = 1,
        Disabled = 2,
        Creating = 3,
    }
}

impl MirrorImage {
    /// Where the image is kept.
    pub fn key(image_id: &str) -> String {
        format!("{}{image_id}", super::IMAGE_PREFIX)
    }
}

impl Encode for MirrorImage {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(2, 1, |out| {
            out.put(&self.global_image_id).put(&self.state).put(&self.mode);
        });
    }
}

impl Decode for MirrorImage {
    const RECORD: &'static str = "MirrorImage";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 2, |input, envelope| {
            let global_image_id = input.field("global_image_id")?;
            let state = input.field("state")?;
            let mode = match envelope.version {
                0 | 1 => MirrorImageMode::Journal,
                _ => input.field("mode")?,
            };
            Ok(MirrorImage { mode, global_image_id, state })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(global_image_id: String, enabled: bool) {
            let state =
                if enabled { MirrorImageState::Enabled } else { MirrorImageState::Creating };
            let image = MirrorImage { mode: MirrorImageMode::Snapshot, global_image_id, state };
            prop_assert_eq!(MirrorImage::from_bytes(&image.to_bytes()).unwrap(), image);
        }
    }

    #[test]
    fn version_1_had_journals_only() {
        let mut out = Encoder::default();
        out.versioned(1, 1, |out| {
            out.put("g").put(&1u8);
        });
        let image = MirrorImage::from_bytes(&out.into_bytes()).unwrap();
        assert_eq!(
            (image.mode, image.state),
            (MirrorImageMode::Journal, MirrorImageState::Enabled)
        );
    }
}
