//! Where imported bytes come from.

use std::io;

/// A file or a stream to read from front to back.
///
/// Calls block their thread; an import asks for the next bytes while earlier ones are written.
pub trait Source: Send {
    /// The size in bytes; `None` for a stream that ends when it ends.
    fn size(&self) -> Option<u64>;

    /// Fills `buffer` from the current position as far as there is something; short only at the
    /// end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Moves over a hole at the current position of a file and answers its length, at most
    /// `limit`. 0 when there is data, or when nobody knows.
    fn skip_hole(&mut self, limit: u64) -> io::Result<u64> {
        let _ = limit;
        Ok(0)
    }

    /// How much data there is at the current position before the next hole, at most `limit`.
    /// `limit` when nobody knows.
    fn data_ahead(&mut self, limit: u64) -> io::Result<u64> {
        Ok(limit)
    }
}

/// Bytes in memory, as a file of that size.
impl Source for &[u8] {
    fn size(&self) -> Option<u64> {
        Some(self.len() as u64)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::Read::read(self, buffer)
    }
}
