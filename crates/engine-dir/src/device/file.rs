//! Devices that are files in a store's directory.
//!
//! I/O is buffered: what has been written lives in the page cache and so outlives the process.
//! The exclusive lock of a store is taken on the very file description that does the I/O
//! (`flock`), so it cannot be given up while a write is on its way.
//!
//! A new store file gets its name with its first sync: until then nobody has been promised anything
//! that a power cut may not take, the store included.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Advice, FallocateFlags, Mode, OFlags, RenameFlags};
use rustix::io::ReadWriteFlags;

use super::{Device, Volume};

/// Name of the store file within its directory.
pub(crate) const STORE_FILE: &str = "store.dat";
/// Its name until it has been synced for the first time.
pub(crate) const NEW_FILE: &str = "store.dat.new";
/// Name of the metadata file within its directory.
pub(crate) const META_FILE: &str = "meta.redb";

/// One open file.
#[derive(Debug)]
pub struct FileDevice {
    file: File,
    naming: Option<Naming>,
}

/// A store file's name, which a sync has to make durable if nobody has yet.
#[derive(Debug)]
struct Naming {
    directory: File,
    owed: AtomicBool,
}

impl Naming {
    /// The data is durable: so is the name from now on.
    fn settle(&self) -> io::Result<()> {
        if !self.owed.load(Ordering::Acquire) {
            return Ok(());
        }
        let (directory, flags) = (&self.directory, RenameFlags::NOREPLACE);
        match rustix::fs::renameat_with(directory, NEW_FILE, directory, STORE_FILE, flags) {
            // It has its name, and only the directory may not have been synced.
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        self.directory.sync_all()?;
        self.owed.store(false, Ordering::Release);
        Ok(())
    }
}

impl FileDevice {
    /// Takes over an open file.
    pub fn new(file: File) -> FileDevice {
        FileDevice { file, naming: None }
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
    /// A store file, which has a name to be made durable.
    pub(crate) fn of_store(self, directory: &File) -> io::Result<FileDevice> {
        let (directory, owed) = (directory.try_clone()?, AtomicBool::new(false));
        Ok(FileDevice { naming: Some(Naming { directory, owed }), ..self })
    }

    /// The next sync makes the name of the store file durable, and gives it to a new one.
    pub(crate) fn owe_name(&self) {
        if let Some(naming) = &self.naming {
            naming.owed.store(true, Ordering::Release);
        }
    }

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
        self.file.sync_data()?;
        self.naming.as_ref().map_or(Ok(()), Naming::settle)
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

    /// Nobody may have synced the name of the store file yet.
    pub(crate) fn owe_name(&self) {
        self.store.owe_name();
    }

    /// Takes a store away that has never been synced, so that another can be made.
    pub(crate) fn discard_new(&self) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.directory, NEW_FILE, rustix::fs::AtFlags::empty())?)
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
