//! Consistency groups: an image's reference to its group, and what the group's header keeps.

mod image;
mod snapshot;

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

pub use image::{GroupImageSpec, GroupImageState, GroupImageStatus};
pub use snapshot::{GroupSnapshot, GroupSnapshotState, ImageSnapshotSpec};

/// A group, by pool and id (`cls::rbd::GroupSpec`): `rbd_group_ref` in an image's header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupSpec {
    /// -1 for no group.
    pub pool_id: i64,
    pub group_id: String,
}

impl GroupSpec {
    /// The answer for an image that is in no group.
    pub fn none() -> GroupSpec {
        GroupSpec { pool_id: -1, group_id: String::new() }
    }

    /// Whether it names a group at all.
    pub fn exists(&self) -> bool {
        self.pool_id != -1 && !self.group_id.is_empty()
    }
}

impl Encode for GroupSpec {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.pool_id).put(&self.group_id);
        });
    }
}

impl Decode for GroupSpec {
    const RECORD: &'static str = "GroupSpec";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(GroupSpec { pool_id: input.field("pool_id")?, group_id: input.field("group_id")? })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(pool_id: i64, group_id: String) {
            let group = GroupSpec { pool_id, group_id };
            prop_assert_eq!(GroupSpec::from_bytes(&group.to_bytes()).unwrap(), group);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = GroupSpec::from_bytes(&bytes);
        }
    }
}
