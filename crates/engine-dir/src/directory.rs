//! The directory of a store: made private, checked before it is trusted, locked while it is open.
//!
//! A store that has never been synced is there under another name. Whoever finds it may use it, and
//! gives it its name with the first sync. If a power cut has left it in pieces it goes: nobody was
//! promised anything.

use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::device::{FileDevice, FileVolume, NEW_FILE, STORE_FILE};
use crate::recovery::{FormatOptions, RecoverError, format};

/// Why a store could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no store in {path}: create one first")]
    NotFound { path: PathBuf },
    #[error("there is a store in {path} already")]
    Exists { path: PathBuf },
    #[error("another process holds the store in {path}: wait for it, or use it through its host")]
    Busy { path: PathBuf },
    #[error(
        "{path} belongs to user {owner}, and this is user {user}: run as its owner, or give it to \
         this user with chown"
    )]
    ForeignOwner { path: PathBuf, owner: u32, user: u32 },
    #[error("others may write to {path}: take that away with chmod go-w")]
    OthersMayWrite { path: PathBuf },
    #[error("{path} is not a {expected}")]
    WrongKind { path: PathBuf, expected: &'static str },
    #[error(
        "{path} is on a network file system, where a lock does not keep other machines out: keep \
         the store on a local disk"
    )]
    NetworkFileSystem { path: PathBuf },
    #[error("the store in {path} cannot be opened: {error}")]
    Damaged { path: PathBuf, error: RecoverError },
    #[error("{action} {path} failed: {error}")]
    Io { action: &'static str, path: PathBuf, error: io::Error },
}

fn failed(action: &'static str, path: &Path, error: impl Into<io::Error>) -> OpenError {
    OpenError::Io { action, path: path.to_owned(), error: error.into() }
}

/// Magic numbers of file systems whose locks mean nothing to other machines.
const NETWORK: [u32; 12] = [
    0x6969,      // NFS
    0x517b,      // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB 2
    0x00c3_6400, // CephFS
    0x0102_1997, // 9P
    0x5346_414f, // AFS
    0x7375_7245, // Coda
    0x7461_636f, // OCFS2
    0x0116_1970, // GFS2
    0x0bd0_0bd0, // Lustre
    0x4750_4653, // GPFS
];

fn check_owner(path: &Path, stat: &Stat) -> Result<(), OpenError> {
    let user = rustix::process::geteuid().as_raw();
    if stat.st_uid != user {
        return Err(OpenError::ForeignOwner { path: path.to_owned(), owner: stat.st_uid, user });
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(OpenError::OthersMayWrite { path: path.to_owned() });
    }
    Ok(())
}

fn open_directory(path: &Path) -> Result<File, OpenError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(directory) => File::from(directory),
        Err(Errno::NOENT) => return Err(OpenError::NotFound { path: path.to_owned() }),
        Err(Errno::NOTDIR) => {
            return Err(OpenError::WrongKind { path: path.to_owned(), expected: "directory" });
        }
        Err(error) => return Err(failed("opening", path, error)),
    };
    let stat = rustix::fs::fstat(&directory).map_err(|e| failed("examining", path, e))?;
    check_owner(path, &stat)?;
    let system = rustix::fs::fstatfs(&directory).map_err(|e| failed("examining", path, e))?;
    if NETWORK.contains(&(system.f_type as u32)) {
        return Err(OpenError::NetworkFileSystem { path: path.to_owned() });
    }
    Ok(directory)
}

fn open_file(directory: &File, name: &str, flags: OFlags) -> Result<FileDevice, Errno> {
    let flags = flags | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = rustix::fs::openat(directory, name, flags, Mode::RUSR | Mode::WUSR)?;
    Ok(FileDevice::new(File::from(file)))
}

fn lock(path: &Path, device: &FileDevice) -> Result<(), OpenError> {
    match device.try_lock() {
        Ok(true) => Ok(()),
        Ok(false) => Err(OpenError::Busy { path: path.to_owned() }),
        Err(error) => Err(failed("locking", path, error)),
    }
}

/// Whether a store has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Yes,
    /// Not before its first sync.
    NotYet,
}

/// Opens and locks the store of a directory.
pub(crate) fn open(path: &Path) -> Result<(FileVolume, Named), OpenError> {
    let directory = open_directory(path)?;
    loop {
        let (device, named) = match open_store(path, &directory, STORE_FILE)? {
            Some(device) => (device, Named::Yes),
            None => match open_store(path, &directory, NEW_FILE)? {
                Some(device) => (device, Named::NotYet),
                None => return Err(OpenError::NotFound { path: path.to_owned() }),
            },
        };
        lock(path, &device)?;
        let name = if named == Named::Yes { STORE_FILE } else { NEW_FILE };
        // Whoever had the lock may have given it its name, or taken it away.
        if is_still(path, &directory, name, &device)? {
            let device = device.of_store(&directory);
            let device = device.map_err(|error| failed("opening", path, error))?;
            if named == Named::NotYet {
                device.owe_name();
            }
            return Ok((FileVolume::new(path, directory, Arc::new(device)), named));
        }
    }
}

/// Opens a store file; `None` if there is none of that name.
fn open_store(path: &Path, directory: &File, name: &str) -> Result<Option<FileDevice>, OpenError> {
    let file = path.join(name);
    let device = match open_file(directory, name, OFlags::empty()) {
        Ok(device) => device,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => {
            return Err(OpenError::WrongKind { path: file, expected: "regular file" });
        }
        Err(error) => return Err(failed("opening", &file, error)),
    };
    let stat = device.stat().map_err(|error| failed("examining", &file, error))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(OpenError::WrongKind { path: file, expected: "regular file" });
    }
    check_owner(&file, &stat)?;
    Ok(Some(device))
}

/// Whether the open file is the one of that name.
fn is_still(
    path: &Path,
    directory: &File,
    name: &str,
    device: &FileDevice,
) -> Result<bool, OpenError> {
    let open = device.stat().map_err(|error| failed("examining", path, error))?;
    match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok((found.st_dev, found.st_ino) == (open.st_dev, open.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(failed("examining", path, error)),
    }
}

/// Makes a store in a directory, which is made too if need be. It is durable after the first sync of
/// whoever opens it.
pub(crate) fn create(path: &Path, options: &FormatOptions) -> Result<(), OpenError> {
    match std::fs::DirBuilder::new().mode(0o700).recursive(true).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed("making", path, error)),
    }
    let exists = || OpenError::Exists { path: path.to_owned() };
    let directory = open_directory(path)?;
    if open_store(path, &directory, STORE_FILE)?.is_some() {
        return Err(exists());
    }
    let device = open_file(&directory, NEW_FILE, OFlags::CREATE);
    let device = Arc::new(device.map_err(|e| failed("making a store in", path, e))?);
    lock(path, &device)?;
    // Another process may have made it, and given it its name or taken it away again.
    let length = device.stat().map_err(|error| failed("examining", path, error))?.st_size;
    if length > 0 || !is_still(path, &directory, NEW_FILE, &device)? {
        return Err(exists());
    }
    let volume = FileVolume::new(path, directory, device);
    format(&volume, options).map_err(|error| failed("making a store in", path, error))
}
