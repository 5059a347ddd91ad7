//! Appending values to a buffer.

use super::Encode;

/// A growing buffer of encoded values.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends a value; returns the encoder so that fields can be chained.
    pub fn put<T: Encode + ?Sized>(&mut self, value: &T) -> &mut Encoder {
        value.encode(self);
        self
    }

    /// Appends bytes without a length.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Encoder {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends bytes behind their u32 length (`bufferlist`, `string`).
    pub fn counted(&mut self, bytes: &[u8]) -> &mut Encoder {
        self.count(bytes.len());
        self.raw(bytes)
    }

    /// Appends a u32 count of bytes or items.
    pub fn count(&mut self, count: usize) -> &mut Encoder {
        let count = u32::try_from(count).expect("no record holds 4 Gi items");
        self.raw(&count.to_le_bytes())
    }

    /// Appends a versioned struct: its version, the oldest version a reader must know, the length
    /// of what `body` writes, and that.
    pub fn versioned(
        &mut self,
        version: u8,
        compat: u8,
        body: impl FnOnce(&mut Encoder),
    ) -> &mut Encoder {
        let mut payload = Encoder::default();
        body(&mut payload);
        self.raw(&[version, compat]).counted(&payload.bytes)
    }
}
