//! Walking over encoded bytes that may be damaged or hostile.

use super::{Decode, DecodeError, DecodeProblem};

/// A position in a record's bytes. Every step is checked; the slice bounds all allocation.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
    offset: usize,
    record: &'static str,
    field: &'static str,
}

/// The version numbers in front of a versioned struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The version of the writer.
    pub version: u8,
    /// The oldest version that can read it.
    pub compat: u8,
}

impl<'a> Decoder<'a> {
    /// Begins at the start of `bytes`, which should be a `record`.
    pub fn new(record: &'static str, bytes: &'a [u8]) -> Decoder<'a> {
        Decoder { rest: bytes, offset: 0, record, field: "value" }
    }

    /// Whether all bytes are read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are unread.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Reads the next value, called `name` in errors.
    pub fn field<T: Decode>(&mut self, name: &'static str) -> Result<T, DecodeError> {
        self.field = name;
        T::decode(self)
    }

    /// Reads the next `length` bytes.
    pub fn take(&mut self, length: u64) -> Result<&'a [u8], DecodeError> {
        let split =
            usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let Some((taken, rest)) = split else {
            return Err(
                self.error(DecodeProblem::Truncated { needed: length, left: self.rest.len() })
            );
        };
        self.rest = rest;
        self.offset += taken.len();
        Ok(taken)
    }

    /// Reads exactly `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    /// Reads bytes behind their u32 length.
    pub fn counted(&mut self, name: &'static str) -> Result<&'a [u8], DecodeError> {
        let length: u32 = self.field(name)?;
        self.take(u64::from(length))
    }

    /// Reads everything that is left.
    pub fn take_rest(&mut self) -> &'a [u8] {
        let rest = std::mem::take(&mut self.rest);
        self.offset += rest.len();
        rest
    }

    /// Reads a u32 count of items. No item takes less than one byte, so more items than bytes
    /// are refused here, before anything is allocated for them.
    pub fn count(&mut self) -> Result<u32, DecodeError> {
        let count = u32::decode(self)?;
        if count as usize > self.rest.len() {
            return Err(self.error(DecodeProblem::Truncated {
                needed: u64::from(count),
                left: self.rest.len(),
            }));
        }
        Ok(count)
    }

    /// Reads a versioned struct with `body`, which knows the fields up to version `known`, and
    /// skips what a newer writer appended.
    pub fn versioned<T>(
        &mut self,
        record: &'static str,
        known: u8,
        body: impl FnOnce(&mut Decoder<'a>, Envelope) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let outer = (self.record, self.field);
        self.record = record;
        let version = self.field("version")?;
        let compat = self.field("compat")?;
        if compat > known {
            return Err(self.error(DecodeProblem::TooNew { compat, known }));
        }
        let length: u32 = self.field("length")?;
        let offset = self.offset;
        let payload = self.take(u64::from(length))?;
        (self.record, self.field) = outer;
        let mut inner = Decoder { rest: payload, offset, record, field: "payload" };
        body(&mut inner, Envelope { version, compat })
    }

    /// An error at the current field.
    pub fn error(&self, problem: DecodeProblem) -> DecodeError {
        DecodeError { record: self.record, field: self.field, offset: self.offset, problem }
    }

    /// An error about the value of the field just read.
    pub fn bad_value(&self, value: impl Into<u64>) -> DecodeError {
        self.error(DecodeProblem::BadValue(value.into()))
    }
}
