//! Where exported bytes go.

use std::io;

/// A file or a stream. Calls come from front to back and leave nothing out.
pub trait Sink: Send {
    /// Writes at `offset`, where the call before ended.
    fn write(&mut self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// `length` zeros: a hole in a file, bytes in a stream.
    fn hole(&mut self, offset: u64, length: u64) -> io::Result<()>;
}

/// Bytes in memory.
impl Sink for Vec<u8> {
    fn write(&mut self, _offset: u64, data: &[u8]) -> io::Result<()> {
        self.extend_from_slice(data);
        Ok(())
    }

    fn hole(&mut self, _offset: u64, length: u64) -> io::Result<()> {
        let grown = usize::try_from(length).ok().and_then(|length| self.len().checked_add(length));
        self.resize(grown.ok_or(io::ErrorKind::OutOfMemory)?, 0);
        Ok(())
    }
}
