//! A clone's link to its parent: the value of `parent` in the header's omap, and the spec that
//! class calls pass. docs/formats/parent.md.

use crate::NO_SNAP;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// The stored link (`cls_rbd_parent`, version 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    pub pool_id: i64,
    pub pool_namespace: String,
    pub image_id: String,
    pub snap_id: u64,
    /// Bytes of the parent that show through the head; none once it is detached from the head
    /// while snapshots still need the link.
    pub head_overlap: Option<u64>,
}

impl Parent {
    /// A link with the whole spec and an overlap for the head.
    pub fn new(spec: ParentImageSpec, head_overlap: Option<u64>) -> Parent {
        let ParentImageSpec { pool_id, pool_namespace, image_id, snap_id } = spec;
        Parent { pool_id, pool_namespace, image_id, snap_id, head_overlap }
    }

    /// Whether this names a snapshot at all.
    pub fn exists(&self) -> bool {
        self.spec().exists()
    }

    /// Which snapshot the link leads to.
    pub fn spec(&self) -> ParentImageSpec {
        ParentImageSpec {
            pool_id: self.pool_id,
            pool_namespace: self.pool_namespace.clone(),
            image_id: self.image_id.clone(),
            snap_id: self.snap_id,
        }
    }
}

/// A snapshot that is, or may become, a parent (`cls::rbd::ParentImageSpec`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParentImageSpec {
    /// -1 for no parent.
    pub pool_id: i64,
    pub pool_namespace: String,
    pub image_id: String,
    pub snap_id: u64,
}

impl ParentImageSpec {
    /// The answer for an image that is no clone.
    pub fn none() -> ParentImageSpec {
        ParentImageSpec {
            pool_id: -1,
            pool_namespace: String::new(),
            image_id: String::new(),
            snap_id: NO_SNAP,
        }
    }

    /// Whether it names a snapshot at all.
    pub fn exists(&self) -> bool {
        self.pool_id >= 0 && !self.image_id.is_empty() && self.snap_id != NO_SNAP
    }
}

impl Encode for Parent {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(2, 2, |out| {
            out.put(&self.pool_id)
                .put(&self.pool_namespace)
                .put(&self.image_id)
                .put(&self.snap_id)
                .put(&self.head_overlap);
        });
    }
}

impl Decode for Parent {
    const RECORD: &'static str = "cls_rbd_parent";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 2, |input, envelope| {
            let old = envelope.version < 2;
            Ok(Parent {
                pool_id: input.field("pool_id")?,
                pool_namespace: if old { String::new() } else { input.field("pool_namespace")? },
                image_id: input.field("image_id")?,
                snap_id: input.field("snap_id")?,
                head_overlap: if old {
                    Some(input.field("overlap")?)
                } else {
                    input.field("head_overlap")?
                },
            })
        })
    }
}

impl Encode for ParentImageSpec {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.pool_id).put(&self.pool_namespace).put(&self.image_id).put(&self.snap_id);
        });
    }
}

impl Decode for ParentImageSpec {
    const RECORD: &'static str = "ParentImageSpec";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(ParentImageSpec {
                pool_id: input.field("pool_id")?,
                pool_namespace: input.field("pool_namespace")?,
                image_id: input.field("image_id")?,
                snap_id: input.field("snap_id")?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile::{hex, unhex};

    const STORED: &str = "02022d0000000300000000000000000000000c000000313036336630333234373635\
        0400000000000000010000400600000000";

    fn stored() -> Parent {
        Parent {
            pool_id: 3,
            pool_namespace: String::new(),
            image_id: "1063f0324765".to_owned(),
            snap_id: 4,
            head_overlap: Some(0x0640_0000),
        }
    }

    #[test]
    fn bytes_are_those_of_an_osd() {
        assert_eq!(hex(&stored().to_bytes()), STORED);
        assert_eq!(Parent::from_bytes(&unhex(STORED)).unwrap(), stored());
        let none = "010118000000ffffffffffffffff0000000000000000feffffffffffffff";
        assert_eq!(hex(&ParentImageSpec::none().to_bytes()), none);
    }

    #[test]
    fn version_1_has_no_namespace_and_always_an_overlap() {
        let mut out = Encoder::default();
        out.versioned(1, 1, |out| {
            out.put(&3i64).put("1063f0324765").put(&4u64).put(&0x0640_0000u64);
        });
        assert_eq!(Parent::from_bytes(&out.into_bytes()).unwrap(), stored());
    }

    proptest! {
        #[test]
        fn round_trip(pool_id: i64, namespace: String, image: String, snap_id: u64, overlap: Option<u64>) {
            let parent = Parent {
                pool_id, pool_namespace: namespace, image_id: image, snap_id, head_overlap: overlap,
            };
            prop_assert_eq!(Parent::from_bytes(&parent.to_bytes()).unwrap(), parent.clone());
            let spec = parent.spec();
            prop_assert_eq!(ParentImageSpec::from_bytes(&spec.to_bytes()).unwrap(), spec);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = Parent::from_bytes(&bytes);
            let _ = ParentImageSpec::from_bytes(&bytes);
        }
    }
}
