//! Another cluster that mirrors a pool: `mirror_peer_<uuid>`.

use crate::Utime;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// A peer of a pool (`cls::rbd::MirrorPeer`, version 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorPeer {
    pub uuid: String,
    pub direction: MirrorPeerDirection,
    pub site_name: String,
    /// Empty for a peer that only receives.
    pub client_name: String,
    /// The pool's name among its peers there; empty while nobody has told.
    pub mirror_uuid: String,
    /// Zero for never.
    pub last_seen: Utime,
}

numbered! {
    /// Which way changes go.
    MirrorPeerDirection: u8, "mirror peer direction" {
        Receive = 0,
        Transmit = 1,
        Both = 2,
    }
}

impl MirrorPeer {
    /// Where the peer is kept.
    pub fn key(uuid: &str) -> String {
        format!("{}{uuid}", super::PEER_PREFIX)
    }
}

impl Encode for MirrorPeer {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(2, 1, |out| {
            // A pool id that no release has used.
            out.put(&self.uuid).put(&self.site_name).put(&self.client_name).put(&-1i64);
            out.put(&self.direction).put(&self.mirror_uuid).put(&self.last_seen);
        });
    }
}

impl Decode for MirrorPeer {
    const RECORD: &'static str = "MirrorPeer";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 2, |input, envelope| {
            let uuid = input.field("uuid")?;
            let site_name = input.field("site_name")?;
            let client_name = input.field("client_name")?;
            input.field::<i64>("pool_id")?;
            let mut peer = MirrorPeer {
                uuid,
                direction: MirrorPeerDirection::Both,
                site_name,
                client_name,
                mirror_uuid: String::new(),
                last_seen: Utime::default(),
            };
            if envelope.version >= 2 {
                peer.direction = input.field("mirror_peer_direction")?;
                peer.mirror_uuid = input.field("mirror_uuid")?;
                peer.last_seen = input.field("last_seen")?;
            }
            Ok(peer)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(uuid: String, site_name: String, client_name: String, seconds: u32) {
            let peer = MirrorPeer {
                uuid, direction: MirrorPeerDirection::Transmit, site_name, client_name,
                mirror_uuid: "there".to_owned(), last_seen: Utime { seconds, nanoseconds: 1 },
            };
            prop_assert_eq!(MirrorPeer::from_bytes(&peer.to_bytes()).unwrap(), peer);
        }
    }

    #[test]
    fn version_1_goes_both_ways() {
        let mut out = Encoder::default();
        out.versioned(1, 1, |out| {
            out.put("uuid").put("site").put("client.x").put(&7i64);
        });
        let peer = MirrorPeer::from_bytes(&out.into_bytes()).unwrap();
        assert_eq!(peer.direction, MirrorPeerDirection::Both);
        assert_eq!((peer.site_name.as_str(), peer.last_seen), ("site", Utime::default()));
    }
}
