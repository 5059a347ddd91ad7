//! What the engine asks of the storage below it.
//!
//! A [`Volume`] is a store's set of devices: the store file, which is always there, and the
//! metadata file, which appears with the first checkpoint. A [`Device`] is one of them: a
//! growing array of bytes. Writes may reach the medium in any order, in part, or not at all until
//! [`Device::sync`] returns; a reader sees them at once. All methods may be called from any thread.

mod fault;
mod file;
mod memory;
mod room;
mod simulated;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

pub use fault::{Call, Fault, Repeat};
pub use file::{FileDevice, FileVolume};
pub(crate) use file::{NEW_FILE, STORE_FILE};
pub use memory::{MemoryDevice, MemoryVolume};
pub use simulated::{Crash, Fate, LengthAfterCrash, SimulatedDevice, SimulatedVolume};

/// A growing array of bytes that outlives the process.
pub trait Device: Debug + Send + Sync {
    /// Fills `buffer`; `UnexpectedEof` when the device ends before it is full.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// As [`Device::read_at`], but `WouldBlock` instead of waiting for the medium.
    fn read_at_nowait(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read_at(offset, buffer)
    }

    /// Writes all of `data`, growing the device when it lies beyond its end.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Returns when everything written before the call, and the length, will survive a power cut.
    /// After an error nothing is known of what was written since the last success.
    fn sync(&self) -> io::Result<()>;

    /// The length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Cuts or grows; what is new reads as zeros.
    fn set_len(&self, length: u64) -> io::Result<()>;

    /// Gives the space of a range back; it then reads as zeros. The length stays. A device that
    /// cannot do it answers `Unsupported`, and the range keeps its bytes.
    fn punch(&self, offset: u64, length: u64) -> io::Result<()>;

    /// Sets space aside for a range within the length, which then reads as zeros: writing there does
    /// not fail for want of space. A device that cannot promise it answers `Unsupported`.
    fn reserve(&self, offset: u64, length: u64) -> io::Result<()>;

    /// Where, from `offset` on, the next byte is that was ever written, as far as the device can
    /// tell; what lies between reads as zeros.
    fn next_data(&self, offset: u64) -> io::Result<u64> {
        Ok(offset)
    }

    /// Forgets cached bytes of a range that are not waiting to be written, so that the next read
    /// tells what the medium really holds.
    fn forget_cache(&self, _offset: u64, _length: u64) {}
}

/// The devices of one store.
pub trait Volume: Debug + Send + Sync {
    /// The store file.
    fn store(&self) -> Arc<dyn Device>;

    /// The metadata file, if it has been created.
    fn meta(&self) -> io::Result<Option<Arc<dyn Device>>>;

    /// An empty metadata file in place of whatever was there, durably named.
    fn create_meta(&self) -> io::Result<Arc<dyn Device>>;

    /// Bytes that the store may still grow by.
    fn room(&self) -> io::Result<u64>;

    /// Bytes that the store file takes of its medium: less than its length when it has holes.
    fn taken(&self) -> io::Result<u64> {
        self.store().length()
    }
}
