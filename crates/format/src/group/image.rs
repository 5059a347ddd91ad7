//! An image in a group: `image_<pool>_<image id>` in the group's header.

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// In front of pool and image id.
const KEY_PREFIX: &str = "image_";

/// An image, by pool and id (`cls::rbd::GroupImageSpec`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupImageSpec {
    pub image_id: String,
    pub pool_id: i64,
}

/// How far an image has become part of its group. The stored value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum GroupImageState {
    #[default]
    Attached = 0,
    /// On its way in or out.
    Incomplete = 1,
}

/// An image and its state (`cls::rbd::GroupImageStatus`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupImageStatus {
    pub spec: GroupImageSpec,
    pub state: GroupImageState,
}

impl GroupImageSpec {
    /// In front of all images' keys.
    pub const KEY_PREFIX: &'static str = KEY_PREFIX;

    /// Where the image is kept.
    pub fn key(&self) -> String {
        format!("{KEY_PREFIX}{:016x}_{}", self.pool_id, self.image_id)
    }

    /// The image in a key.
    pub fn from_key(key: &str) -> Option<GroupImageSpec> {
        let (pool, image_id) = key.strip_prefix(KEY_PREFIX)?.split_once('_')?;
        let valid = pool.len() == 16 && pool.bytes().all(|digit| digit.is_ascii_hexdigit());
        let pool = if valid { u64::from_str_radix(pool, 16).ok()? } else { return None };
        Some(GroupImageSpec { image_id: image_id.to_owned(), pool_id: pool.cast_signed() })
    }
}

impl Encode for GroupImageSpec {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.image_id).put(&self.pool_id);
        });
    }
}

impl Decode for GroupImageSpec {
    const RECORD: &'static str = "GroupImageSpec";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(GroupImageSpec {
                image_id: input.field("image_id")?,
                pool_id: input.field("pool_id")?,
            })
        })
    }
}

impl Encode for GroupImageState {
    fn encode(&self, out: &mut Encoder) {
        out.put(&(*self as u8));
    }
}

impl Decode for GroupImageState {
    const RECORD: &'static str = "group image state";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(GroupImageState::Attached),
            1 => Ok(GroupImageState::Incomplete),
            other => Err(input.bad_value(other)),
        }
    }
}

impl Encode for GroupImageStatus {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.spec).put(&self.state);
        });
    }
}

impl Decode for GroupImageStatus {
    const RECORD: &'static str = "GroupImageStatus";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(GroupImageStatus { spec: input.field("spec")?, state: input.field("state")? })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn key_is_ceph_s() {
        let spec = GroupImageSpec { image_id: "255b95a09099".to_owned(), pool_id: 2 };
        assert_eq!(spec.key(), "image_0000000000000002_255b95a09099");
    }

    proptest! {
        #[test]
        fn round_trip(image_id: String, pool_id: i64) {
            let spec = GroupImageSpec { image_id, pool_id };
            prop_assert_eq!(GroupImageSpec::from_key(&spec.key()), Some(spec.clone()));
            let status = GroupImageStatus { spec, state: GroupImageState::Incomplete };
            prop_assert_eq!(GroupImageStatus::from_bytes(&status.to_bytes()).unwrap(), status);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>, key: String) {
            let _ = GroupImageStatus::from_bytes(&bytes);
            prop_assert_eq!(GroupImageSpec::from_key(&key), None);
        }
    }
}
