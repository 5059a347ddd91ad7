//! What kind of snapshot it is (`SnapshotNamespace`).

use std::collections::{BTreeMap, BTreeSet};

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// Who made a snapshot and what for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SnapshotNamespace {
    /// Made by a user.
    #[default]
    User,
    /// Part of a snapshot of a consistency group.
    Group { pool_id: i64, group_id: String, group_snap_id: String },
    /// Removed by its user but still the parent of clones of format 2.
    Trash { original_name: String, original_type: u32 },
    /// A checkpoint of mirroring.
    Mirror(MirrorSnapshot),
    /// Something newer. Only its number survives, as in Ceph.
    Unknown { number: u32 },
}

/// A checkpoint of snapshot-based mirroring.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MirrorSnapshot {
    pub state: MirrorSnapshotState,
    pub complete: bool,
    pub mirror_peer_uuids: BTreeSet<String>,
    pub primary_mirror_uuid: String,
    pub primary_snap_id: u64,
    pub last_copied_object_number: u64,
    pub snap_seqs: BTreeMap<u64, u64>,
}

/// On which side of mirroring a checkpoint was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum MirrorSnapshotState {
    Primary = 0,
    PrimaryDemoted = 1,
    NonPrimary = 2,
    NonPrimaryDemoted = 3,
}

impl SnapshotNamespace {
    pub const USER: u32 = 0;
    pub const GROUP: u32 = 1;
    pub const TRASH: u32 = 2;
    pub const MIRROR: u32 = 3;

    /// The stored type number.
    pub fn number(&self) -> u32 {
        match self {
            SnapshotNamespace::User => Self::USER,
            SnapshotNamespace::Group { .. } => Self::GROUP,
            SnapshotNamespace::Trash { .. } => Self::TRASH,
            SnapshotNamespace::Mirror(_) => Self::MIRROR,
            SnapshotNamespace::Unknown { number } => *number,
        }
    }
}

impl Encode for MirrorSnapshotState {
    fn encode(&self, out: &mut Encoder) {
        out.put(&(*self as u8));
    }
}

impl Decode for MirrorSnapshotState {
    const RECORD: &'static str = "mirror snapshot state";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(MirrorSnapshotState::Primary),
            1 => Ok(MirrorSnapshotState::PrimaryDemoted),
            2 => Ok(MirrorSnapshotState::NonPrimary),
            3 => Ok(MirrorSnapshotState::NonPrimaryDemoted),
            other => Err(input.bad_value(other)),
        }
    }
}

impl Encode for MirrorSnapshot {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.state)
            .put(&self.complete)
            .put(&self.mirror_peer_uuids)
            .put(&self.primary_mirror_uuid)
            .put(&self.primary_snap_id)
            .put(&self.last_copied_object_number)
            .put(&self.snap_seqs);
    }
}

impl Decode for MirrorSnapshot {
    const RECORD: &'static str = "mirror snapshot";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(MirrorSnapshot {
            state: input.field("state")?,
            complete: input.field("complete")?,
            mirror_peer_uuids: input.field("mirror_peer_uuids")?,
            primary_mirror_uuid: input.field("primary_mirror_uuid")?,
            primary_snap_id: input.field("primary_snap_id")?,
            last_copied_object_number: input.field("last_copied_object_number")?,
            snap_seqs: input.field("snap_seqs")?,
        })
    }
}

impl Encode for SnapshotNamespace {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.number());
            match self {
                SnapshotNamespace::User | SnapshotNamespace::Unknown { .. } => {}
                SnapshotNamespace::Group { pool_id, group_id, group_snap_id } => {
                    out.put(pool_id).put(group_id).put(group_snap_id);
                }
                SnapshotNamespace::Trash { original_name, original_type } => {
                    out.put(original_name).put(original_type);
                }
                SnapshotNamespace::Mirror(mirror) => {
                    out.put(mirror);
                }
            }
        });
    }
}

impl Decode for SnapshotNamespace {
    const RECORD: &'static str = "SnapshotNamespace";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(match input.field("type")? {
                Self::USER => SnapshotNamespace::User,
                Self::GROUP => SnapshotNamespace::Group {
                    pool_id: input.field("group_pool")?,
                    group_id: input.field("group_id")?,
                    group_snap_id: input.field("group_snapshot_id")?,
                },
                Self::TRASH => SnapshotNamespace::Trash {
                    original_name: input.field("original_name")?,
                    original_type: input.field("original_snapshot_namespace_type")?,
                },
                Self::MIRROR => SnapshotNamespace::Mirror(input.field("mirror")?),
                number => SnapshotNamespace::Unknown { number },
            })
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn namespaces() -> impl Strategy<Value = SnapshotNamespace> {
        let mirror = (
            any::<bool>(),
            any::<BTreeSet<String>>(),
            any::<String>(),
            any::<(u64, u64)>(),
            any::<BTreeMap<u64, u64>>(),
        )
            .prop_map(|(complete, peers, primary, numbers, snap_seqs)| {
                SnapshotNamespace::Mirror(MirrorSnapshot {
                    state: MirrorSnapshotState::NonPrimary,
                    complete,
                    mirror_peer_uuids: peers,
                    primary_mirror_uuid: primary,
                    primary_snap_id: numbers.0,
                    last_copied_object_number: numbers.1,
                    snap_seqs,
                })
            });
        let group =
            any::<(i64, String, String)>().prop_map(|(pool_id, group_id, group_snap_id)| {
                SnapshotNamespace::Group { pool_id, group_id, group_snap_id }
            });
        let trash = any::<(String, u32)>().prop_map(|(original_name, original_type)| {
            SnapshotNamespace::Trash { original_name, original_type }
        });
        prop_oneof![
            Just(SnapshotNamespace::User),
            group,
            trash,
            mirror,
            (4u32..).prop_map(|number| SnapshotNamespace::Unknown { number }),
        ]
    }

    proptest! {
        #[test]
        fn round_trip(namespace in namespaces()) {
            let bytes = namespace.to_bytes();
            prop_assert_eq!(SnapshotNamespace::from_bytes(&bytes).unwrap(), namespace);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>, kind in 0u32..5) {
            let mut out = Encoder::default();
            out.versioned(1, 1, |out| { out.put(&kind).raw(&bytes); });
            let _ = SnapshotNamespace::from_bytes(&out.into_bytes());
            let _ = SnapshotNamespace::from_bytes(&bytes);
        }
    }
}
