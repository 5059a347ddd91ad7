//! The omap of `rbd_directory`: names to ids and back. docs/formats/directory.md.

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// In front of a name; the value is the id as a string.
pub const NAME_PREFIX: &str = "name_";
/// In front of an id; the value is the name as a string.
pub const ID_PREFIX: &str = "id_";
/// Whether images may be added; only there in namespaces that are being removed.
pub const STATE: &str = "state";

/// Where the id of an image is kept.
pub fn name_key(name: &str) -> String {
    format!("{NAME_PREFIX}{name}")
}

/// Where the name of an image is kept.
pub fn id_key(image_id: &str) -> String {
    format!("{ID_PREFIX}{image_id}")
}

/// Whether a directory takes new images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum DirectoryState {
    #[default]
    Ready = 0,
    /// Its namespace is being removed.
    AddDisabled = 1,
}

impl Encode for DirectoryState {
    fn encode(&self, out: &mut Encoder) {
        out.put(&(*self as u8));
    }
}

impl Decode for DirectoryState {
    const RECORD: &'static str = "directory state";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            0 => Ok(DirectoryState::Ready),
            1 => Ok(DirectoryState::AddDisabled),
            other => Err(input.bad_value(other)),
        }
    }
}
