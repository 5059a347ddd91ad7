//! What `snapshot_get` tells a client of a snapshot.

use super::SnapshotNamespace;
use crate::Utime;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// A snapshot as callers see it (`cls::rbd::SnapshotInfo`). Never stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotInfo {
    pub id: u64,
    pub namespace: SnapshotNamespace,
    pub name: String,
    /// In bytes.
    pub image_size: u64,
    pub timestamp: Utime,
    pub child_count: u32,
}

impl Encode for SnapshotInfo {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.id)
                .put(&self.namespace)
                .put(&self.name)
                .put(&self.image_size)
                .put(&self.timestamp)
                .put(&self.child_count);
        });
    }
}

impl Decode for SnapshotInfo {
    const RECORD: &'static str = "SnapshotInfo";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(SnapshotInfo {
                id: input.field("id")?,
                namespace: input.field("snapshot_namespace")?,
                name: input.field("name")?,
                image_size: input.field("image_size")?,
                timestamp: input.field("timestamp")?,
                child_count: input.field("child_count")?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::snapshot::namespace::tests::namespaces;

    proptest! {
        #[test]
        fn round_trip(id: u64, name: String, image_size: u64, namespace in namespaces()) {
            let timestamp = Utime { seconds: 1, nanoseconds: 2 };
            let info = SnapshotInfo { id, namespace, name, image_size, timestamp, child_count: 3 };
            prop_assert_eq!(SnapshotInfo::from_bytes(&info.to_bytes()).unwrap(), info);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = SnapshotInfo::from_bytes(&bytes);
        }
    }
}
