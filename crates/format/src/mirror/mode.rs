//! Which images of a pool are mirrored, and the pool's name among its peers.

use crate::wire::{Decode, DecodeError, DecodeProblem, Decoder, Encode, Encoder};

numbered! {
    /// Which images of a pool are mirrored (`mirror_mode`).
    MirrorMode: u32, "mirror mode" {
        Disabled = 0,
        /// Those for which it was asked.
        Image = 1,
        /// All with the feature journaling.
        Pool = 2,
    }
}

/// A pool's name among its peers (`mirror_uuid`): the text itself, without a length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorUuid(pub String);

impl Encode for MirrorUuid {
    fn encode(&self, out: &mut Encoder) {
        out.raw(self.0.as_bytes());
    }
}

impl Decode for MirrorUuid {
    const RECORD: &'static str = "mirror uuid";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match std::str::from_utf8(input.take_rest()) {
            Ok(text) => Ok(MirrorUuid(text.to_owned())),
            Err(_) => Err(input.error(DecodeProblem::NotUtf8)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_bare() {
        let uuid = MirrorUuid("df86".to_owned());
        assert_eq!(uuid.to_bytes(), b"df86");
        assert_eq!(MirrorUuid::from_bytes(b"df86").unwrap(), uuid);
        assert!(MirrorUuid::from_bytes(b"\xff").is_err());
        assert!(MirrorMode::from_bytes(&[3, 0, 0, 0]).is_err());
    }
}
