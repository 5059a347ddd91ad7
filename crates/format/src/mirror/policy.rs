//! What the policy that spreads images over daemons remembers of one.

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// The bytes in [`MirrorImageMap::data`](super::MirrorImageMap)
/// (`rbd::mirror::image_map::PolicyData`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyData {
    pub meta: PolicyMeta,
}

/// One of the policies there have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyMeta {
    /// It remembers nothing.
    None,
    /// Something newer. Only its number survives, as in Ceph.
    Unknown { number: u32 },
}

impl Encode for PolicyData {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&match self.meta {
                PolicyMeta::None => 0u32,
                PolicyMeta::Unknown { number } => number,
            });
        });
    }
}

impl Decode for PolicyData {
    const RECORD: &'static str = "PolicyData";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            let meta = match input.field("policy_meta_type")? {
                0u32 => PolicyMeta::None,
                number => PolicyMeta::Unknown { number },
            };
            Ok(PolicyData { meta })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive() {
        for bytes in [[1, 1, 4, 0, 0, 0, 0, 0, 0, 0], [1, 1, 4, 0, 0, 0, 7, 0, 0, 0]] {
            assert_eq!(PolicyData::from_bytes(&bytes).unwrap().to_bytes(), bytes);
        }
    }
}
