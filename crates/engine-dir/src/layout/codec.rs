//! The primitives all our records are made of: little-endian numbers, varints, counted bytes.

use bytes::Bytes;

/// Stored bytes that cannot be what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored bytes are damaged: {0}")]
pub(crate) struct Damaged(pub &'static str);

/// Builds a record.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn new() -> Writer {
        Writer::default()
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Seven bits a byte, lowest first, the top bit set while more follow.
    pub(crate) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.number(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    pub(crate) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Takes a record apart.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn skip(&mut self, length: usize) -> Result<(), Damaged> {
        self.take(length).map(drop)
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Damaged> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Damaged("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Damaged("it ends early"))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Damaged> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Damaged> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Damaged> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn number(&mut self) -> Result<u64, Damaged> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(Damaged("a number is too large"));
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Damaged("a number does not end"))
    }

    /// A count of things that take at least `least` bytes each, so that it can be trusted as a
    /// capacity.
    pub(crate) fn count(&mut self, least: usize) -> Result<usize, Damaged> {
        let count = self.number()?;
        let possible = (self.rest.len() / least.max(1)) as u64;
        if count > possible {
            return Err(Damaged("a count is too large"));
        }
        Ok(count as usize)
    }

    pub(crate) fn bytes(&mut self) -> Result<Bytes, Damaged> {
        let length = self.count(1)?;
        Ok(Bytes::copy_from_slice(self.take(length)?))
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Damaged> {
        let length = self.count(1)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| Damaged("a name is not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(number: u64, small in 0u64..300, bytes: Vec<u8>, text: String) {
            let mut writer = Writer::new();
            writer.number(number);
            writer.number(small);
            writer.bytes(&bytes);
            writer.text(&text);
            let stored = writer.finish();
            let mut reader = Reader::new(&stored);
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.number(), Ok(small));
            prop_assert_eq!(reader.bytes(), Ok(Bytes::from(bytes)));
            prop_assert_eq!(reader.text(), Ok(text.as_str()));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn any_bytes_are_survived(stored: Vec<u8>) {
            let mut reader = Reader::new(&stored);
            while !reader.is_empty() {
                let _ = reader.number();
                let _ = reader.bytes();
                if reader.u8().is_err() {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_number_of_more_than_64_bits_is_refused() {
        let mut stored = vec![0xff; 9];
        stored.push(2);
        assert!(Reader::new(&stored).number().is_err());
    }
}
