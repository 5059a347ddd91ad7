//! A snapshot of an image: the value of `snapshot_<id>` in the header's omap, and what
//! `snapshot_get` returns of it. docs/formats/snapshot.md.

mod info;
mod namespace;

use crate::Utime;
use crate::features::Flags;
use crate::parent::Parent;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

pub use info::SnapshotInfo;
pub use namespace::{MirrorSnapshot, MirrorSnapshotState, SnapshotNamespace};

/// A snapshot as the header stores it (`cls_rbd_snap`, version 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub id: u64,
    pub name: String,
    /// The image's size at the time, in bytes.
    pub image_size: u64,
    pub protection: ProtectionStatus,
    /// Of this snapshot's object map.
    pub flags: Flags,
    pub namespace: SnapshotNamespace,
    pub timestamp: Utime,
    /// Clones of format 2 that hang on it.
    pub child_count: u32,
    /// How much of the parent shows through this snapshot; none if there was no parent, or the
    /// clone was flattened under it.
    pub parent_overlap: Option<u64>,
}

/// Whether clones may rely on a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ProtectionStatus {
    #[default]
    Unprotected = 0,
    /// Somebody looks for clones; no new ones.
    Unprotecting = 1,
    Protected = 2,
}

impl Encode for ProtectionStatus {
    fn encode(&self, out: &mut Encoder) {
        out.put(&(*self as u8));
    }
}

impl Decode for ProtectionStatus {
    const RECORD: &'static str = "protection status";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(ProtectionStatus::Unprotected),
            1 => Ok(ProtectionStatus::Unprotecting),
            2 => Ok(ProtectionStatus::Protected),
            other => Err(input.bad_value(other)),
        }
    }
}

const VERSION: u8 = 8;

impl Encode for Snapshot {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(VERSION, VERSION, |out| {
            out.put(&self.id)
                .put(&self.name)
                .put(&self.image_size)
                .put(&self.protection)
                .put(&self.flags)
                .put(&self.namespace)
                .put(&self.timestamp)
                .put(&self.child_count)
                .put(&self.parent_overlap);
        });
    }
}

impl Decode for Snapshot {
    const RECORD: &'static str = "cls_rbd_snap";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, VERSION, |input, envelope| {
            let mut snapshot = Snapshot {
                id: input.field("id")?,
                name: input.field("name")?,
                image_size: input.field("image_size")?,
                protection: ProtectionStatus::default(),
                flags: Flags::default(),
                namespace: SnapshotNamespace::User,
                timestamp: Utime::default(),
                child_count: 0,
                parent_overlap: None,
            };
            let version = envelope.version;
            if envelope.compat < 8 {
                // Features of the time; no release ever read them back.
                input.field::<u64>("features")?;
                if version >= 2 {
                    // Each snapshot had a link of its own; only its overlap ever differed.
                    let parent: Parent = input.field("parent")?;
                    snapshot.parent_overlap = parent.head_overlap.filter(|_| parent.exists());
                }
            }
            if version >= 3 {
                snapshot.protection = input.field("protection_status")?;
            }
            if version >= 4 {
                snapshot.flags = input.field("flags")?;
            }
            if version >= 5 {
                snapshot.namespace = input.field("snapshot_namespace")?;
            }
            if version >= 6 {
                snapshot.timestamp = input.field("timestamp")?;
            }
            if version >= 7 {
                snapshot.child_count = input.field("child_count")?;
            }
            if version >= 8 {
                let own: Option<u64> = input.field("parent_overlap")?;
                snapshot.parent_overlap = own.or(snapshot.parent_overlap);
            }
            Ok(snapshot)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile::{hex, unhex};

    const PLAIN: &str = "0808360000000400000000000000020000007331000040060000000002000000000000\
        0000010104000000000000001\
        84a026b77418e2e0000000000";

    fn plain() -> Snapshot {
        Snapshot {
            id: 4,
            name: "s1".to_owned(),
            image_size: 0x0640_0000,
            protection: ProtectionStatus::Protected,
            flags: Flags::NONE,
            namespace: SnapshotNamespace::User,
            timestamp: Utime { seconds: 0x6b02_4a18, nanoseconds: 0x2e8e_4177 },
            child_count: 0,
            parent_overlap: None,
        }
    }

    #[test]
    fn bytes_are_those_of_an_osd() {
        assert_eq!(hex(&plain().to_bytes()), PLAIN);
        assert_eq!(Snapshot::from_bytes(&unhex(PLAIN)).unwrap(), plain());
    }

    /// The layouts of versions 1 to 7, each a prefix of the next.
    #[test]
    fn older_versions_are_read() {
        let parent = Parent {
            pool_id: 3,
            pool_namespace: String::new(),
            image_id: "10ab".to_owned(),
            snap_id: 9,
            head_overlap: Some(4096),
        };
        for version in 1..=7u8 {
            let mut out = Encoder::default();
            out.versioned(version, 1, |out| {
                out.put(&4u64).put("s1").put(&0x0640_0000u64).put(&61u64);
                let fields: [&dyn Encode; 6] = [
                    &LegacyParent(&parent),
                    &ProtectionStatus::Protected,
                    &Flags::OBJECT_MAP_INVALID,
                    &SnapshotNamespace::User,
                    &plain().timestamp,
                    &7u32,
                ];
                for field in fields.iter().take(usize::from(version) - 1) {
                    field.encode(out);
                }
            });
            let snapshot = Snapshot::from_bytes(&out.into_bytes()).unwrap();
            assert_eq!(snapshot.parent_overlap, (version >= 2).then_some(4096));
            assert_eq!(snapshot.protection == ProtectionStatus::Protected, version >= 3);
            assert_eq!(snapshot.flags.is_empty(), version < 4);
            assert_eq!(snapshot.timestamp.is_zero(), version < 6);
            assert_eq!(snapshot.child_count, if version < 7 { 0 } else { 7 });
        }
    }

    struct LegacyParent<'a>(&'a Parent);

    impl Encode for LegacyParent<'_> {
        fn encode(&self, out: &mut Encoder) {
            out.versioned(1, 1, |out| {
                let overlap = self.0.head_overlap.unwrap_or_default();
                out.put(&self.0.pool_id).put(&self.0.image_id).put(&self.0.snap_id).put(&overlap);
            });
        }
    }

    proptest! {
        #[test]
        fn round_trip(id: u64, name: String, size: u64, child_count: u32, overlap: Option<u64>) {
            let snapshot = Snapshot {
                id, name, image_size: size, child_count, parent_overlap: overlap, ..plain()
            };
            prop_assert_eq!(Snapshot::from_bytes(&snapshot.to_bytes()).unwrap(), snapshot);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>, cut in 0usize..60, flip in 0usize..60) {
            let _ = Snapshot::from_bytes(&bytes);
            let mut near = plain().to_bytes();
            near[flip] ^= bytes.first().copied().unwrap_or(1);
            let _ = Snapshot::from_bytes(&near);
            let _ = Snapshot::from_bytes(&near[..cut]);
        }
    }
}
