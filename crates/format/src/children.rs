//! Links from parents to clones: `rbd_children` (format 1) and `snap_children_<id>` in the
//! parent's header (format 2). docs/formats/children.md.

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// The key of clones of format 1 in `rbd_children`; the value is a set of their ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChildrenKey {
    /// The parent's pool.
    pub pool_id: i64,
    pub image_id: String,
    pub snap_id: u64,
}

impl Encode for ChildrenKey {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.pool_id).put(&self.image_id).put(&self.snap_id);
    }
}

impl Decode for ChildrenKey {
    const RECORD: &'static str = "rbd_children key";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(ChildrenKey {
            pool_id: input.field("pool_id")?,
            image_id: input.field("image_id")?,
            snap_id: input.field("snap_id")?,
        })
    }
}

/// A clone of format 2 (`cls::rbd::ChildImageSpec`). Sorts as Ceph sorts its sets: by pool, then
/// namespace, then id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChildImageSpec {
    pub pool_id: i64,
    pub pool_namespace: String,
    pub image_id: String,
}

impl Encode for ChildImageSpec {
    fn encode(&self, out: &mut Encoder) {
        // The namespace came with version 2, so it stands last.
        out.versioned(2, 1, |out| {
            out.put(&self.pool_id).put(&self.image_id).put(&self.pool_namespace);
        });
    }
}

impl Decode for ChildImageSpec {
    const RECORD: &'static str = "ChildImageSpec";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 2, |input, envelope| {
            let pool_id = input.field("pool_id")?;
            let image_id = input.field("image_id")?;
            let pool_namespace =
                if envelope.version >= 2 { input.field("pool_namespace")? } else { String::new() };
            Ok(ChildImageSpec { pool_id, pool_namespace, image_id })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(pool_id: i64, pool_namespace: String, image_id: String, snap_id: u64) {
            let key = ChildrenKey { pool_id, image_id: image_id.clone(), snap_id };
            prop_assert_eq!(ChildrenKey::from_bytes(&key.to_bytes()).unwrap(), key);
            let child = ChildImageSpec { pool_id, pool_namespace, image_id };
            prop_assert_eq!(ChildImageSpec::from_bytes(&child.to_bytes()).unwrap(), child);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = ChildrenKey::from_bytes(&bytes);
            let _ = <BTreeSet<ChildImageSpec>>::from_bytes(&bytes);
        }
    }
}
