//! redb over a [`Device`].

use std::io;
use std::sync::Arc;

use redb::StorageBackend;

use crate::device::Device;

/// The metadata file as redb sees it. The store's lock covers it: redb needs none of its own.
#[derive(Debug)]
pub(super) struct Backend {
    device: Arc<dyn Device>,
}

impl Backend {
    pub(super) fn new(device: Arc<dyn Device>) -> Backend {
        Backend { device }
    }
}

impl StorageBackend for Backend {
    fn len(&self) -> Result<u64, io::Error> {
        self.device.length()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.device.read_at(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.device.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        self.device.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.device.write_at(offset, data)
    }
}
