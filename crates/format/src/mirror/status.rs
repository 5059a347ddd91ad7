//! What all sites say of a mirrored image.

use super::MirrorImageSiteStatus;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder, Envelope};

/// The answer of `mirror_image_status_get` (`cls::rbd::MirrorImageStatus`, version 2). Never
/// stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorImageStatus {
    /// This site's word, if it has said one.
    pub local: Option<MirrorImageSiteStatus>,
    /// Those of other sites, by uuid.
    pub remote: Vec<MirrorImageSiteStatus>,
}

impl Encode for MirrorImageStatus {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(2, 1, |out| {
            // For readers of version 1, there is always a word of this site.
            let unknown = MirrorImageSiteStatus::unknown();
            self.local.as_ref().unwrap_or(&unknown).encode_body(out);
            out.put(&self.local.is_some()).count(self.remote.len());
            for status in &self.remote {
                status.encode_body(out.put(&status.mirror_uuid));
            }
        });
    }
}

impl Decode for MirrorImageStatus {
    const RECORD: &'static str = "MirrorImageStatus";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 2, |input, envelope| {
            let unnamed = Envelope { version: 1, ..envelope };
            let local = MirrorImageSiteStatus::decode_body(input, unnamed)?;
            if envelope.version < 2 {
                return Ok(MirrorImageStatus { local: Some(local), remote: Vec::new() });
            }
            let said: bool = input.field("local_status_valid")?;
            let named = Envelope { version: 2, ..envelope };
            let count = input.count()?;
            let remote = (0..count).map(|_| MirrorImageSiteStatus::decode_body(input, named));
            let remote = remote.collect::<Result<_, _>>()?;
            Ok(MirrorImageStatus { local: said.then_some(local), remote })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_not_the_word_unknown() {
        let silent = MirrorImageStatus::default();
        assert_eq!(MirrorImageStatus::from_bytes(&silent.to_bytes()).unwrap(), silent);
        let local = Some(MirrorImageSiteStatus::unknown());
        let remote = vec![MirrorImageSiteStatus {
            mirror_uuid: "there".to_owned(),
            ..MirrorImageSiteStatus::unknown()
        }];
        let said = MirrorImageStatus { local, remote };
        assert_eq!(MirrorImageStatus::from_bytes(&said.to_bytes()).unwrap(), said);
        let mut out = Encoder::default();
        out.versioned(1, 1, |out| MirrorImageSiteStatus::unknown().encode_body(out));
        let old = MirrorImageStatus::from_bytes(&out.into_bytes()).unwrap();
        assert_eq!(old.local, Some(MirrorImageSiteStatus::unknown()));
    }
}
