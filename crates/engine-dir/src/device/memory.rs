//! A device in memory, for tests and throw-away stores.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Device, Volume};

/// Bytes in memory; gone with the last handle.
#[derive(Debug, Default)]
pub struct MemoryDevice {
    bytes: Mutex<Vec<u8>>,
}

impl MemoryDevice {
    /// An empty device.
    pub fn new() -> MemoryDevice {
        MemoryDevice::default()
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies a range of `bytes` into `buffer`, or tells that it is not all there.
pub(super) fn read_range(bytes: &[u8], offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    let range = usize::try_from(offset)
        .ok()
        .and_then(|start| Some(start..start.checked_add(buffer.len())?))
        .and_then(|range| bytes.get(range));
    match range {
        Some(found) => {
            buffer.copy_from_slice(found);
            Ok(())
        }
        None => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
    }
}

/// Puts `data` into `bytes` at `offset`, growing it as needed.
pub(super) fn write_range(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) -> io::Result<()> {
    let start = usize::try_from(offset).map_err(io::Error::other)?;
    let end = start
        .checked_add(data.len())
        .ok_or_else(|| io::Error::from(io::ErrorKind::FileTooLarge))?;
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[start..end].copy_from_slice(data);
    Ok(())
}

/// Zeros the part of a range that exists.
pub(super) fn zero_range(bytes: &mut [u8], offset: u64, length: u64) {
    let size = bytes.len() as u64;
    let start = offset.min(size) as usize;
    let end = offset.saturating_add(length).min(size) as usize;
    bytes[start..end].fill(0);
}

impl Device for MemoryDevice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        read_range(&self.bytes(), offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        write_range(&mut self.bytes(), offset, data)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes().len() as u64)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        self.bytes().resize(length, 0);
        Ok(())
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        zero_range(&mut self.bytes(), offset, length);
        Ok(())
    }

    fn reserve(&self, offset: u64, length: u64) -> io::Result<()> {
        self.punch(offset, length)
    }
}

/// A volume in memory.
#[derive(Debug, Default)]
pub struct MemoryVolume {
    store: Arc<MemoryDevice>,
    meta: Mutex<Option<Arc<MemoryDevice>>>,
}

impl MemoryVolume {
    /// An empty volume.
    pub fn new() -> Arc<MemoryVolume> {
        Arc::new(MemoryVolume::default())
    }
}

impl Volume for MemoryVolume {
    fn store(&self) -> Arc<dyn Device> {
        Arc::clone(&self.store) as Arc<dyn Device>
    }

    fn meta(&self) -> io::Result<Option<Arc<dyn Device>>> {
        let meta = self.meta.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(meta.as_ref().map(|device| Arc::clone(device) as Arc<dyn Device>))
    }

    fn create_meta(&self) -> io::Result<Arc<dyn Device>> {
        let fresh = Arc::new(MemoryDevice::new());
        *self.meta.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    fn room(&self) -> io::Result<u64> {
        Ok(1 << 40)
    }
}
