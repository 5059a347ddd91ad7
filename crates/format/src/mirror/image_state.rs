//! What an image was at a mirror snapshot, for the side that copies it:
//! `rbd_mirror_snapshot.<image id>.<snap id>.<n>`.
//!
//! The bytes are cut into objects of the image's object size. The first begins with how many there
//! are; what follows, in all of them, is one [`ImageState`].

use std::collections::BTreeMap;

use crate::features::Features;
use crate::snapshot::{ProtectionStatus, SnapshotNamespace};
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// An image but for its data (`librbd::mirror::snapshot::ImageState`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageState {
    pub name: String,
    pub features: Features,
    /// `u64::MAX` for none.
    pub snap_limit: u64,
    /// By snapshot id.
    pub snapshots: BTreeMap<u64, SnapState>,
    /// Image metadata: any bytes.
    pub metadata: BTreeMap<String, Vec<u8>>,
}

/// A user's snapshot of the image (`librbd::mirror::snapshot::SnapState`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapState {
    pub namespace: SnapshotNamespace,
    pub name: String,
    pub protection: ProtectionStatus,
}

/// The first object: how many there are, and the state as far as it fits, which is in full unless
/// the image has thousands of snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageStateObject {
    pub object_count: u32,
    pub state: ImageState,
}

impl ImageStateObject {
    /// The object with the number `index`.
    pub fn name(image_id: &str, snap_id: u64, index: u32) -> String {
        format!("rbd_mirror_snapshot.{image_id}.{snap_id}.{index}")
    }
}

impl Encode for SnapState {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.namespace).put(&self.name).put(&self.protection);
        });
    }
}

impl Decode for SnapState {
    const RECORD: &'static str = "SnapState";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(SnapState {
                namespace: input.field("snap_namespace")?,
                name: input.field("name")?,
                protection: input.field("protection_status")?,
            })
        })
    }
}

impl Encode for ImageState {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.name)
                .put(&self.features)
                .put(&self.snap_limit)
                .put(&self.snapshots)
                .put(&self.metadata);
        });
    }
}

impl Decode for ImageState {
    const RECORD: &'static str = "ImageState";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(ImageState {
                name: input.field("name")?,
                features: input.field("features")?,
                snap_limit: input.field("snap_limit")?,
                snapshots: input.field("snapshots")?,
                metadata: input.field("metadata")?,
            })
        })
    }
}

impl Encode for ImageStateObject {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.object_count);
        });
        out.put(&self.state);
    }
}

impl Decode for ImageStateObject {
    const RECORD: &'static str = "image state";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let object_count =
            input.versioned(Self::RECORD, 1, |input, _| input.field("object_count"))?;
        Ok(ImageStateObject { object_count, state: input.field("state")? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn round_trip(name: String, snap_limit: u64, metadata: BTreeMap<String, Vec<u8>>) {
            let snapshot = SnapState {
                namespace: SnapshotNamespace::User,
                name: name.clone(),
                protection: ProtectionStatus::Protected,
            };
            let state = ImageState {
                name, features: Features::DEFAULT, snap_limit,
                snapshots: [(4, snapshot)].into(), metadata,
            };
            let object = ImageStateObject { object_count: 1, state };
            prop_assert_eq!(ImageStateObject::from_bytes(&object.to_bytes()).unwrap(), object);
        }
    }
}
