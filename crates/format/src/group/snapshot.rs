//! A snapshot of a group: `snapshot_<id>` in the group's header.

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// A snapshot of all images of a group (`cls::rbd::GroupSnapshot`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSnapshot {
    pub id: String,
    pub name: String,
    pub state: GroupSnapshotState,
    pub snapshots: Vec<ImageSnapshotSpec>,
}

/// Whether the snapshots of all images are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum GroupSnapshotState {
    #[default]
    Incomplete = 0,
    Complete = 1,
}

/// The snapshot of one image (`cls::rbd::ImageSnapshotSpec`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageSnapshotSpec {
    pub pool_id: i64,
    pub image_id: String,
    pub snap_id: u64,
}

impl GroupSnapshot {
    /// In front of all snapshots' keys.
    pub const KEY_PREFIX: &'static str = "snapshot_";

    /// Where the snapshot with that id is kept.
    pub fn key(id: &str) -> String {
        format!("{}{id}", Self::KEY_PREFIX)
    }

    /// What the snapshots of the single images are called.
    pub fn image_snapshot_name(group: &super::GroupSpec, group_snap_id: &str) -> String {
        format!(".group.{:x}_{}_{group_snap_id}", group.pool_id, group.group_id)
    }
}

impl Encode for GroupSnapshotState {
    fn encode(&self, out: &mut Encoder) {
        out.put(&(*self as u8));
    }
}

impl Decode for GroupSnapshotState {
    const RECORD: &'static str = "group snapshot state";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(GroupSnapshotState::Incomplete),
            1 => Ok(GroupSnapshotState::Complete),
            other => Err(input.bad_value(other)),
        }
    }
}

impl Encode for ImageSnapshotSpec {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.pool_id).put(&self.image_id).put(&self.snap_id);
        });
    }
}

impl Decode for ImageSnapshotSpec {
    const RECORD: &'static str = "ImageSnapshotSpec";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(ImageSnapshotSpec {
                pool_id: input.field("pool")?,
                image_id: input.field("image_id")?,
                snap_id: input.field("snap_id")?,
            })
        })
    }
}

impl Encode for GroupSnapshot {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.id).put(&self.name).put(&self.state).put(&self.snapshots);
        });
    }
}

impl Decode for GroupSnapshot {
    const RECORD: &'static str = "GroupSnapshot";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(GroupSnapshot {
                id: input.field("id")?,
                name: input.field("name")?,
                state: input.field("state")?,
                snapshots: input.field("snaps")?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::group::GroupSpec;
    use crate::hostile::{hex, unhex};

    const STORED: &str = "0101420000000c000000323536333662386234353637030000006773310101000000\
        01012000000002000000000000000c000000323535623935613039303939\
        2700000000000000";

    #[test]
    fn bytes_are_those_of_an_osd() {
        let image =
            ImageSnapshotSpec { pool_id: 2, image_id: "255b95a09099".to_owned(), snap_id: 0x27 };
        let snapshot = GroupSnapshot {
            id: "25636b8b4567".to_owned(),
            name: "gs1".to_owned(),
            state: GroupSnapshotState::Complete,
            snapshots: vec![image],
        };
        assert_eq!(hex(&snapshot.to_bytes()), STORED);
        assert_eq!(GroupSnapshot::from_bytes(&unhex(STORED)).unwrap(), snapshot);
        let group = GroupSpec { pool_id: 2, group_id: "255d6b8b4567".to_owned() };
        assert_eq!(
            GroupSnapshot::image_snapshot_name(&group, &snapshot.id),
            ".group.2_255d6b8b4567_25636b8b4567"
        );
    }

    proptest! {
        #[test]
        fn round_trip(id: String, name: String, images: Vec<(i64, String, u64)>) {
            let images = images.into_iter().map(|(pool_id, image_id, snap_id)| {
                ImageSnapshotSpec { pool_id, image_id, snap_id }
            });
            let state = GroupSnapshotState::Incomplete;
            let snapshot = GroupSnapshot { id, name, state, snapshots: images.take(9).collect() };
            prop_assert_eq!(GroupSnapshot::from_bytes(&snapshot.to_bytes()).unwrap(), snapshot);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>, at in 0usize..72, flip: u8) {
            let _ = GroupSnapshot::from_bytes(&bytes);
            let mut near = unhex(STORED);
            near[at] ^= flip;
            let _ = GroupSnapshot::from_bytes(&near);
        }
    }
}
