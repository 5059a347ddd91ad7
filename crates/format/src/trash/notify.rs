//! Notifications on `rbd_trash`.

use super::TrashImageSpec;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// That the trash has changed (`librbd::trash_watcher::NotifyMessage`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrashNotification {
    ImageAdded {
        image_id: String,
        spec: TrashImageSpec,
    },
    ImageRemoved {
        image_id: String,
    },
    /// Something newer.
    Unknown {
        number: u32,
    },
}

impl Encode for TrashNotification {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            match self {
                TrashNotification::ImageAdded { image_id, spec } => {
                    out.put(&0u32).put(image_id).put(spec)
                }
                TrashNotification::ImageRemoved { image_id } => out.put(&1u32).put(image_id),
                TrashNotification::Unknown { number } => out.put(number),
            };
        });
    }
}

impl Decode for TrashNotification {
    const RECORD: &'static str = "trash notification";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(match input.field("notify_op")? {
                0u32 => TrashNotification::ImageAdded {
                    image_id: input.field("image_id")?,
                    spec: input.field("trash_image_spec")?,
                },
                1 => TrashNotification::ImageRemoved { image_id: input.field("image_id")? },
                number => TrashNotification::Unknown { number },
            })
        })
    }
}
