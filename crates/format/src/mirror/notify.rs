//! Notifications on `rbd_mirroring`: that a pool's or an image's mirroring has changed.

use super::{MirrorImageState, MirrorMode};
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// A notification on `rbd_mirroring` (`librbd::mirroring_watcher::NotifyMessage`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MirrorNotification {
    ModeUpdated(MirrorMode),
    ImageUpdated {
        state: MirrorImageState,
        image_id: String,
        global_image_id: String,
    },
    /// Something newer.
    Unknown {
        number: u32,
    },
}

impl Encode for MirrorNotification {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| match self {
            MirrorNotification::ModeUpdated(mode) => {
                out.put(&0u32).put(mode);
            }
            MirrorNotification::ImageUpdated { state, image_id, global_image_id } => {
                // Wider here than in the image's own record.
                out.put(&1u32).put(&u32::from(state.number())).put(image_id).put(global_image_id);
            }
            MirrorNotification::Unknown { number } => {
                out.put(number);
            }
        });
    }
}

impl Decode for MirrorNotification {
    const RECORD: &'static str = "mirroring notification";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(match input.field("notify_op")? {
                0u32 => MirrorNotification::ModeUpdated(input.field("mirror_mode")?),
                1 => MirrorNotification::ImageUpdated {
                    state: image_state(input)?,
                    image_id: input.field("image_id")?,
                    global_image_id: input.field("global_image_id")?,
                },
                number => MirrorNotification::Unknown { number },
            })
        })
    }
}

fn image_state(input: &mut Decoder<'_>) -> Result<MirrorImageState, DecodeError> {
    let number: u32 = input.field("mirror_image_state")?;
    let known =
        u8::try_from(number).ok().and_then(|byte| MirrorImageState::from_bytes(&[byte]).ok());
    known.ok_or_else(|| input.bad_value(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back() {
        for message in [
            MirrorNotification::ModeUpdated(MirrorMode::Pool),
            MirrorNotification::ImageUpdated {
                state: MirrorImageState::Enabled,
                image_id: "10ab".to_owned(),
                global_image_id: "g".to_owned(),
            },
            MirrorNotification::Unknown { number: 2 },
        ] {
            assert_eq!(MirrorNotification::from_bytes(&message.to_bytes()).unwrap(), message);
        }
    }
}
