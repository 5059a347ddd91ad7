//! Devices that are files in a store's directory.
//!
//! I/O is buffered: what has been written lives in the page cache and so outlives the process.
//! The exclusive lock of a store is taken on the very file description that does the I/O
//! (`flock`), so it cannot be given up while a write is on its way.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, FallocateFlags, Mode, OFlags};
use rustix::io::ReadWriteFlags;

use super::{Device, Volume};

/// Name of the store file within its directory.
pub(crate) const STORE_FILE: &str = "store.dat";
/// Name of the metadata file within its directory.
pub(crate) const META_FILE: &str = "meta.redb";

/// One open file.
#[derive(Debug)]
pub struct FileDevice {
    file: File,
}

impl FileDevice {
    /// Takes over an open file.
    pub fn new(file: File) -> FileDevice {
        FileDevice { file }
    }

    /// Whether the exclusive lock could be had; it lasts as long as the file is open.
    pub fn try_lock(&self) -> io::Result<bool> {
        match rustix::fs::flock(&self.file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl FileDevice {
    pub(crate) fn stat(&self) -> io::Result<rustix::fs::Stat> {
        Ok(rustix::fs::fstat(&self.file)?)
    }
}

impl Device for FileDevice {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    fn read_at_nowait(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut slices = [io::IoSliceMut::new(buffer)];
        let wanted = slices[0].len();
        match rustix::io::preadv2(&self.file, &mut slices, offset, ReadWriteFlags::NOWAIT) {
            Ok(done) if done == wanted => Ok(()),
            Ok(_) => Err(io::Error::from(io::ErrorKind::WouldBlock)),
            // File systems without it: the caller falls back to a read that waits.
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::OPNOTSUPP) => {
                Err(io::Error::from(io::ErrorKind::WouldBlock))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<()> {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.file, flags, offset, length) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                Err(io::Error::from(io::ErrorKind::Unsupported))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn reserve(&self, offset: u64, length: u64) -> io::Result<()> {
        let allocate = |flags| match rustix::fs::fallocate(&self.file, flags, offset, length) {
            Ok(()) => Ok(()),
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
                Err(io::Error::from(io::ErrorKind::Unsupported))
            }
            Err(error) => Err(error.into()),
        };
        match allocate(FallocateFlags::ZERO_RANGE) {
            // tmpfs knows only the two halves of it.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.punch(offset, length)?;
                allocate(FallocateFlags::empty())
            }
            done => done,
        }
    }

    fn next_data(&self, offset: u64) -> io::Result<u64> {
        match rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Data(offset)) {
            Ok(found) => Ok(found),
            Err(rustix::io::Errno::NXIO) => Ok(u64::MAX),
            Err(rustix::io::Errno::INVAL) => Ok(offset),
            Err(error) => Err(error.into()),
        }
    }

    fn forget_cache(&self, offset: u64, length: u64) {
        let length = std::num::NonZeroU64::new(length);
        // Advice: when it is refused the cached bytes are all there is to go by.
        let _ = rustix::fs::fadvise(&self.file, offset, length, Advice::DontNeed);
    }
}

/// A store's directory: the open directory and the open, locked store file in it.
#[derive(Debug)]
pub struct FileVolume {
    path: PathBuf,
    directory: File,
    store: Arc<FileDevice>,
}

impl FileVolume {
    /// Puts together what the checks of opening have opened.
    pub(crate) fn new(path: &Path, directory: File, store: Arc<FileDevice>) -> FileVolume {
        FileVolume { path: path.to_owned(), directory, store }
    }

    pub(crate) fn directory(&self) -> &File {
        &self.directory
    }

    fn open_meta(&self, flags: OFlags) -> Result<FileDevice, rustix::io::Errno> {
        let flags = flags | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&self.directory, META_FILE, flags, mode)?;
        Ok(FileDevice::new(File::from(file)))
    }
}

impl Volume for FileVolume {
    fn store(&self) -> Arc<dyn Device> {
        Arc::clone(&self.store) as Arc<dyn Device>
    }

    fn meta(&self) -> io::Result<Option<Arc<dyn Device>>> {
        match self.open_meta(OFlags::empty()) {
            Ok(device) => Ok(Some(Arc::new(device))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn create_meta(&self) -> io::Result<Arc<dyn Device>> {
        let device = self.open_meta(OFlags::CREATE | OFlags::TRUNC)?;
        // A checkpoint in a file that has no durable name would be no checkpoint.
        self.directory.sync_all()?;
        Ok(Arc::new(device))
    }

    fn room(&self) -> io::Result<u64> {
        let statistics = rustix::fs::statvfs(&self.path)?;
        Ok(statistics.f_bavail.saturating_mul(statistics.f_frsize))
    }

    fn taken(&self) -> io::Result<u64> {
        Ok(self.store.file.metadata()?.blocks().saturating_mul(512))
    }
}
