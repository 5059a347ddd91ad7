//! Frames: length (u32), number (u64), answered-below (u64), all little-endian, then the body.
//!
//! The length counts everything after itself. A decoder holds no more than it was sent: it never
//! allocates by a length that a peer only claims.

use bytes::{Buf, Bytes, BytesMut};
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ProtocolError;

/// Number and answered-below.
const NUMBERS: usize = 16;
/// Everything before the body.
const HEADER: usize = 4 + NUMBERS;
/// Room for the largest object that a store takes (128 MiB), with names and lists around it.
pub const MAX_FRAME: usize = 136 << 20;

/// One message with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which request this is or answers; 0 for what nobody asked for.
    pub number: u64,
    /// The sender holds the answers of all its requests before this one. 0 from an owner.
    pub answered_below: u64,
    pub body: Bytes,
}

impl Frame {
    /// The message inside; every byte must belong to it.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, ProtocolError> {
        match postcard::take_from_bytes(&self.body) {
            Ok((value, [])) => Ok(value),
            _ => Err(ProtocolError::Malformed),
        }
    }
}

/// A frame ready to send but for its numbers.
#[derive(Debug)]
pub struct Unnumbered(Vec<u8>);

impl Unnumbered {
    /// Encodes `message`. `TooLong` when the peer would refuse it.
    pub fn encode(message: &impl Serialize) -> Result<Unnumbered, ProtocolError> {
        let buffer = Appending(vec![0; HEADER]);
        let bytes = postcard::serialize_with_flavor(message, buffer)
            .map_err(|_| ProtocolError::Malformed)?;
        if bytes.len() - 4 > MAX_FRAME {
            return Err(ProtocolError::TooLong(bytes.len() as u64));
        }
        Ok(Unnumbered(bytes))
    }

    /// The bytes for the wire.
    pub fn number(self, number: u64, answered_below: u64) -> Bytes {
        let mut bytes = self.0;
        let length = u32::try_from(bytes.len() - 4).expect("encode checked the limit");
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        bytes[4..12].copy_from_slice(&number.to_le_bytes());
        bytes[12..HEADER].copy_from_slice(&answered_below.to_le_bytes());
        bytes.into()
    }
}

/// Encodes a whole frame.
pub fn encode(number: u64, message: &impl Serialize) -> Result<Bytes, ProtocolError> {
    Ok(Unnumbered::encode(message)?.number(number, 0))
}

/// Postcard's output, appended to a header already there.
struct Appending(Vec<u8>);

impl Flavor for Appending {
    type Output = Vec<u8>;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Cuts a stream of bytes into frames.
#[derive(Debug, Default)]
pub struct Decoder {
    received: BytesMut,
}

impl Decoder {
    /// Takes what has arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next whole frame, if it is there.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtocolError> {
        let Some((length, _)) = self.received.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_FRAME {
            return Err(ProtocolError::TooLong(length as u64));
        }
        if length < NUMBERS {
            return Err(ProtocolError::TooShort);
        }
        if self.received.len() - 4 < length {
            return Ok(None);
        }
        self.received.advance(4);
        let mut frame = self.received.split_to(length).freeze();
        let number = frame.get_u64_le();
        let answered_below = frame.get_u64_le();
        Ok(Some(Frame { number, answered_below, body: frame }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut() {
        let first = Unnumbered::encode(&"first").unwrap().number(7, 3);
        let second = encode(8, &vec![1u8; 1000]).unwrap();
        let stream = [first, second].concat();
        for step in [1, 3, 19, 20, 21, 500, 5000] {
            let mut decoder = Decoder::default();
            let mut frames = Vec::new();
            for piece in stream.chunks(step) {
                decoder.feed(piece);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!(frames.len(), 2, "pieces of {step}");
            assert_eq!((frames[0].number, frames[0].answered_below), (7, 3));
            assert_eq!(frames[0].decode::<String>().unwrap(), "first");
            assert_eq!(frames[1].number, 8);
            assert_eq!(frames[1].decode::<Vec<u8>>().unwrap(), vec![1u8; 1000]);
        }
    }

    #[test]
    fn lengths_out_of_bounds_are_refused_before_anything_is_held() {
        for (length, error) in [
            (u32::MAX, ProtocolError::TooLong(u64::from(u32::MAX))),
            (15, ProtocolError::TooShort),
            (0, ProtocolError::TooShort),
        ] {
            let mut decoder = Decoder::default();
            decoder.feed(&length.to_le_bytes());
            assert_eq!(decoder.next_frame(), Err(error));
        }
    }

    #[test]
    fn bytes_after_a_message_are_refused() {
        let body = [postcard::to_stdvec(&5u32).unwrap(), vec![0]].concat();
        let frame = Frame { number: 1, answered_below: 0, body: body.into() };
        assert_eq!(frame.decode::<u32>(), Err(ProtocolError::Malformed));
    }

    #[test]
    fn an_object_of_the_largest_size_fits() {
        assert!(encode(1, &bytes::Bytes::from(vec![0; 128 << 20])).is_ok());
        let too_long = bytes::Bytes::from(vec![0; MAX_FRAME]);
        assert!(matches!(encode(1, &too_long), Err(ProtocolError::TooLong(_))));
    }
}
