//! What clients of a journal note about themselves: the `data` of a client.

use std::collections::BTreeMap;

use crate::snapshot::SnapshotNamespace;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// The notes of one kind of client (`librbd::journal::ClientData`, version 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JournalClientData {
    /// The image itself.
    Image {
        /// Of the tags that it makes.
        tag_class: u64,
        resync_requested: bool,
    },
    /// A site that mirrors the image.
    MirrorPeer(MirrorPeerClient),
    /// `rbd journal …`.
    Cli,
    /// Something newer. Only its number survives, as in Ceph.
    Unknown { number: u32 },
}

/// How far a site has copied an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorPeerClient {
    /// Of the copy.
    pub image_id: String,
    pub state: MirrorPeerState,
    pub sync_object_count: u64,
    pub sync_points: Vec<SyncPoint>,
    /// Snapshot ids of the copy to those of the peer.
    pub snap_seqs: BTreeMap<u64, u64>,
}

numbered! {
    /// What a mirroring site does.
    MirrorPeerState: u32, "mirror peer state" {
        Syncing = 0,
        Replaying = 1,
    }
}

/// A snapshot up to which an image was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncPoint {
    pub snap_namespace: SnapshotNamespace,
    pub snap_name: String,
    pub from_snap_name: String,
    /// The last object that was copied.
    pub object_number: Option<u64>,
}

impl SyncPoint {
    fn decode(input: &mut Decoder<'_>, version: u8) -> Result<SyncPoint, DecodeError> {
        let snap_name = input.field("snap_name")?;
        let from_snap_name = input.field("from_snap_name")?;
        let object_number = input.field("object_number")?;
        let snap_namespace = match version {
            0 | 1 => SnapshotNamespace::User,
            _ => input.field("snap_namespace")?,
        };
        Ok(SyncPoint { snap_namespace, snap_name, from_snap_name, object_number })
    }
}

impl Encode for SyncPoint {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.snap_name).put(&self.from_snap_name).put(&self.object_number);
        out.put(&self.snap_namespace);
    }
}

impl MirrorPeerClient {
    fn decode(input: &mut Decoder<'_>, version: u8) -> Result<MirrorPeerClient, DecodeError> {
        let image_id = input.field("image_id")?;
        let state = input.field("state")?;
        let sync_object_count = input.field("sync_object_count")?;
        let count = input.count()?;
        let points = (0..count).map(|_| SyncPoint::decode(input, version));
        let sync_points = points.collect::<Result<_, _>>()?;
        let snap_seqs = input.field("snap_seqs")?;
        Ok(MirrorPeerClient { image_id, state, sync_object_count, sync_points, snap_seqs })
    }
}

impl Encode for MirrorPeerClient {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.image_id)
            .put(&self.state)
            .put(&self.sync_object_count)
            .put(&self.sync_points)
            .put(&self.snap_seqs);
    }
}

impl Encode for JournalClientData {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(2, 1, |out| match self {
            JournalClientData::Image { tag_class, resync_requested } => {
                out.put(&0u32).put(tag_class).put(resync_requested);
            }
            JournalClientData::MirrorPeer(peer) => {
                out.put(&1u32).put(peer);
            }
            JournalClientData::Cli => {
                out.put(&2u32);
            }
            JournalClientData::Unknown { number } => {
                out.put(number);
            }
        });
    }
}

impl Decode for JournalClientData {
    const RECORD: &'static str = "journal client data";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 2, |input, envelope| {
            Ok(match input.field("client_meta_type")? {
                0u32 => JournalClientData::Image {
                    tag_class: input.field("tag_class")?,
                    resync_requested: input.field("resync_requested")?,
                },
                1 => JournalClientData::MirrorPeer(MirrorPeerClient::decode(
                    input,
                    envelope.version,
                )?),
                2 => JournalClientData::Cli,
                number => JournalClientData::Unknown { number },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peer(name: &str, object_number: Option<u64>) -> MirrorPeerClient {
        MirrorPeerClient {
            image_id: "10ab".to_owned(),
            state: MirrorPeerState::Syncing,
            sync_object_count: 9,
            sync_points: vec![SyncPoint {
                snap_namespace: SnapshotNamespace::User,
                snap_name: name.to_owned(),
                from_snap_name: "before".to_owned(),
                object_number,
            }],
            snap_seqs: [(1, 2)].into(),
        }
    }

    proptest! {
        #[test]
        fn round_trip(name: String, object_number: Option<u64>, tag_class: u64, number in 3u32..) {
            for data in [
                JournalClientData::MirrorPeer(peer(&name, object_number)),
                JournalClientData::Image { tag_class, resync_requested: true },
                JournalClientData::Cli,
                JournalClientData::Unknown { number },
            ] {
                prop_assert_eq!(JournalClientData::from_bytes(&data.to_bytes()).unwrap(), data);
            }
        }
    }

    #[test]
    fn version_1_knew_users_snapshots_only() {
        let wanted = peer("s", Some(3));
        let mut out = Encoder::default();
        out.versioned(1, 1, |out| {
            out.put(&1u32).put("10ab").put(&0u32).put(&9u64).put(&1u32);
            out.put("s").put("before").put(&Some(3u64)).put(&wanted.snap_seqs);
        });
        let read = JournalClientData::from_bytes(&out.into_bytes()).unwrap();
        assert_eq!(read, JournalClientData::MirrorPeer(wanted));
    }
}
