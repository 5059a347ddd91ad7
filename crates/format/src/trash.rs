//! An image in the trash: the value of `id_<image id>` in `rbd_trash`.

mod notify;

use crate::Utime;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

pub use notify::TrashNotification;

/// Where an image in the trash is kept.
pub fn trash_key(image_id: &str) -> String {
    format!("{}{image_id}", crate::directory::ID_PREFIX)
}

/// What is known of an image in the trash (`cls::rbd::TrashImageSpec`, version 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashImageSpec {
    pub source: TrashSource,
    /// The name it had.
    pub name: String,
    pub deletion_time: Utime,
    /// Until when it must not be removed.
    pub deferment_end_time: Utime,
    pub state: TrashState,
}

/// Who put an image into the trash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum TrashSource {
    #[default]
    User = 0,
    Mirroring = 1,
    Migration = 2,
    Removing = 3,
    UserParent = 4,
}

/// How far a move into or out of the trash has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum TrashState {
    #[default]
    Normal = 0,
    Moving = 1,
    Removing = 2,
    Restoring = 3,
}

impl Encode for TrashSource {
    fn encode(&self, out: &mut Encoder) {
        out.put(&(*self as u8));
    }
}

impl Decode for TrashSource {
    const RECORD: &'static str = "trash source";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(TrashSource::User),
            1 => Ok(TrashSource::Mirroring),
            2 => Ok(TrashSource::Migration),
            3 => Ok(TrashSource::Removing),
            4 => Ok(TrashSource::UserParent),
            other => Err(input.bad_value(other)),
        }
    }
}

impl Encode for TrashState {
    fn encode(&self, out: &mut Encoder) {
        out.put(&(*self as u8));
    }
}

impl Decode for TrashState {
    const RECORD: &'static str = "trash state";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(TrashState::Normal),
            1 => Ok(TrashState::Moving),
            2 => Ok(TrashState::Removing),
            3 => Ok(TrashState::Restoring),
            other => Err(input.bad_value(other)),
        }
    }
}

impl Encode for TrashImageSpec {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(2, 1, |out| {
            out.put(&self.source)
                .put(&self.name)
                .put(&self.deletion_time)
                .put(&self.deferment_end_time)
                .put(&self.state);
        });
    }
}

impl Decode for TrashImageSpec {
    const RECORD: &'static str = "TrashImageSpec";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 2, |input, envelope| {
            Ok(TrashImageSpec {
                source: input.field("source")?,
                name: input.field("name")?,
                deletion_time: input.field("deletion_time")?,
                deferment_end_time: input.field("deferment_end_time")?,
                state: if envelope.version >= 2 {
                    input.field("state")?
                } else {
                    TrashState::Normal
                },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(name: String, seconds: u32, nanoseconds: u32) {
            let spec = TrashImageSpec {
                source: TrashSource::UserParent,
                name,
                deletion_time: Utime { seconds, nanoseconds },
                deferment_end_time: Utime { seconds: nanoseconds, nanoseconds: seconds },
                state: TrashState::Moving,
            };
            prop_assert_eq!(TrashImageSpec::from_bytes(&spec.to_bytes()).unwrap(), spec);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = TrashImageSpec::from_bytes(&bytes);
        }
    }
}
