//! Ceph's encoding: little-endian numbers, counted strings and containers, versioned structs.
//!
//! [`Encoder`] appends; [`Decoder`] walks a slice and names the record and field at which it
//! failed. [`Encode`] and [`Decode`] tie a type to its bytes. docs/formats/encoding.md.

#[macro_use]
mod numbered;

mod decoder;
mod encoder;
mod error;
mod primitive;

pub use decoder::{Decoder, Envelope};
pub use encoder::Encoder;
pub use error::{DecodeError, DecodeProblem};
pub use primitive::Trailing;

/// A value with one way to be written.
pub trait Encode {
    /// Appends the value.
    fn encode(&self, out: &mut Encoder);

    /// The value alone.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Encoder::default();
        self.encode(&mut out);
        out.into_bytes()
    }
}

/// A value that can be read back.
pub trait Decode: Sized {
    /// What the value is called in an error when it stands alone.
    const RECORD: &'static str;

    /// Reads the value and leaves the decoder behind it.
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError>;

    /// Reads a value from the start of `bytes`. What follows is ignored, as Ceph does: newer
    /// writers append.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(&mut Decoder::new(Self::RECORD, bytes))
    }
}
