//! How one site sees a mirrored image: `status_global_…` and `remote_status_global_…`.

use crate::Utime;
use crate::entity::EntityInstance;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder, Envelope};

/// One site's word on an image (`cls::rbd::MirrorImageSiteStatus`): version 2 with the uuid of
/// another site, version 1 of this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorImageSiteStatus {
    /// Empty for this site.
    pub mirror_uuid: String,
    pub state: MirrorStatusState,
    pub description: String,
    pub last_update: Utime,
    /// Whether the daemon that said so is there. Stored as false: who asks looks for its watch.
    pub up: bool,
}

numbered! {
    /// What a daemon does with an image.
    MirrorStatusState: u8, "mirror status state" {
        Unknown = 0,
        Error = 1,
        Syncing = 2,
        StartingReplay = 3,
        Replaying = 4,
        StoppingReplay = 5,
        Stopped = 6,
    }
}

impl MirrorImageSiteStatus {
    /// What stands for the word of a site that said nothing.
    pub fn unknown() -> MirrorImageSiteStatus {
        MirrorImageSiteStatus {
            mirror_uuid: String::new(),
            state: MirrorStatusState::Unknown,
            description: String::new(),
            last_update: Utime::default(),
            up: false,
        }
    }

    /// The fields without envelope and uuid.
    pub(super) fn encode_body(&self, out: &mut Encoder) {
        out.put(&self.state).put(&self.description).put(&self.last_update).put(&self.up);
    }

    /// Reads the fields; version 2 begins with the uuid.
    pub(super) fn decode_body(
        input: &mut Decoder<'_>,
        envelope: Envelope,
    ) -> Result<Self, DecodeError> {
        let named = envelope.version >= 2;
        Ok(MirrorImageSiteStatus {
            mirror_uuid: if named { input.field("mirror_uuid")? } else { String::new() },
            state: input.field("state")?,
            description: input.field("description")?,
            last_update: input.field("last_update")?,
            up: input.field("up")?,
        })
    }
}

impl Encode for MirrorImageSiteStatus {
    fn encode(&self, out: &mut Encoder) {
        if self.mirror_uuid.is_empty() {
            out.versioned(1, 1, |out| self.encode_body(out));
        } else {
            out.versioned(2, 2, |out| self.encode_body(out.put(&self.mirror_uuid)));
        }
    }
}

impl Decode for MirrorImageSiteStatus {
    const RECORD: &'static str = "MirrorImageSiteStatus";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 2, Self::decode_body)
    }
}

/// A site's word with the daemon that said it (`cls::rbd::MirrorImageSiteStatusOnDisk`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorImageSiteStatusOnDisk {
    pub origin: EntityInstance,
    pub status: MirrorImageSiteStatus,
}

impl Encode for MirrorImageSiteStatusOnDisk {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.origin);
        });
        out.put(&self.status);
    }
}

impl Decode for MirrorImageSiteStatusOnDisk {
    const RECORD: &'static str = "MirrorImageSiteStatusOnDisk";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let origin = input.versioned(Self::RECORD, 1, |input, _| input.field("origin"))?;
        Ok(MirrorImageSiteStatusOnDisk { origin, status: input.field("status")? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entity::{AddressKind, EntityAddress, EntityName};

    proptest! {
        #[test]
        fn round_trip(mirror_uuid: String, description: String, client: u32, up: bool) {
            let status = MirrorImageSiteStatus {
                mirror_uuid, state: MirrorStatusState::Replaying, description,
                last_update: Utime { seconds: 1, nanoseconds: 2 }, up,
            };
            let origin = EntityInstance {
                name: EntityName::client(u64::from(client)),
                address: EntityAddress::parse("127.0.0.1:0/7", AddressKind::Any).unwrap(),
            };
            let stored = MirrorImageSiteStatusOnDisk { origin, status };
            let bytes = stored.to_bytes();
            prop_assert_eq!(MirrorImageSiteStatusOnDisk::from_bytes(&bytes).unwrap(), stored);
        }
    }
}
