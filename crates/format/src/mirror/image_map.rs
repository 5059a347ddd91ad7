//! Which daemon replays an image: `image_map_<global image id>`.

use crate::Utime;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// The daemon that an image was given to (`cls::rbd::MirrorImageMap`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorImageMap {
    pub instance_id: String,
    pub mapped_time: Utime,
    /// Of the policy that chose, as [`PolicyData`](super::PolicyData).
    pub data: Vec<u8>,
}

impl MirrorImageMap {
    /// Where it is kept.
    pub fn key(global_image_id: &str) -> String {
        format!("{}{global_image_id}", super::IMAGE_MAP_PREFIX)
    }
}

impl Encode for MirrorImageMap {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.instance_id).put(&self.mapped_time).counted(&self.data);
        });
    }
}

impl Decode for MirrorImageMap {
    const RECORD: &'static str = "MirrorImageMap";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(MirrorImageMap {
                instance_id: input.field("instance_id")?,
                mapped_time: input.field("mapped_time")?,
                data: input.counted("data")?.to_vec(),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(instance_id: String, seconds: u32, data: Vec<u8>) {
            let mapped_time = Utime { seconds, nanoseconds: 9 };
            let map = MirrorImageMap { instance_id, mapped_time, data };
            prop_assert_eq!(MirrorImageMap::from_bytes(&map.to_bytes()).unwrap(), map);
        }
    }
}
