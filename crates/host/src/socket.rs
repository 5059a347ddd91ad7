//! The owner's socket inside the store's directory.
//!
//! Only the holder of the store's lock binds it, so whatever lies there when it binds is left over
//! from a dead owner. It appears under its name when it already listens, with mode 0600. A path that
//! is too long for a socket address (107 bytes) is reached through the directory's descriptor.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The socket's name in the store's directory.
pub const NAME: &str = "host.socket";
/// Its name until it listens.
const UNREADY: &str = "host.socket.new";
/// Bytes of a path that fit a socket address, without the final zero.
const LONGEST_PATH: usize = 107;

/// A path to `name` in `directory` that fits a socket address; the file keeps it valid.
struct Reachable {
    path: PathBuf,
    _directory: Option<File>,
}

fn reachable(directory: &Path, name: &str) -> io::Result<Reachable> {
    let path = directory.join(name);
    if path.as_os_str().len() <= LONGEST_PATH {
        return Ok(Reachable { path, _directory: None });
    }
    let opened = File::open(directory)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", opened.as_raw_fd()));
    Ok(Reachable { path, _directory: Some(opened) })
}

/// The socket's file; it disappears with this value.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

/// Listens in `directory`. The caller holds the store's lock.
pub fn bind(directory: &Path) -> io::Result<(UnixListener, SocketFile)> {
    let unready = directory.join(UNREADY);
    match fs::remove_file(&unready) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&reachable(directory, UNREADY)?.path)?;
    fs::set_permissions(&unready, Permissions::from_mode(0o600))?;
    fs::rename(&unready, directory.join(NAME))?;
    Ok((listener, SocketFile(directory.join(NAME))))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Connects to whoever listens in `directory`; `None` when nobody does.
pub fn connect(directory: &Path) -> io::Result<Option<UnixStream>> {
    let at = match reachable(directory, NAME) {
        Ok(at) => at,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match UnixStream::connect(&at.path) {
        Ok(stream) => Ok(Some(stream)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_left_by_a_dead_owner_is_nobody_and_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        assert!(connect(directory.path()).unwrap().is_none());
        drop(UnixListener::bind(directory.path().join(NAME)).unwrap());
        assert!(connect(directory.path()).unwrap().is_none());
        let (listener, file) = bind(directory.path()).unwrap();
        assert!(connect(directory.path()).unwrap().is_some());
        let mode = fs::metadata(directory.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop((listener, file));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_path_too_long_for_a_socket_address_works() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("d".repeat(100)).join("e".repeat(100));
        fs::create_dir_all(&deep).unwrap();
        assert!(connect(&deep).unwrap().is_none());
        let _listening = bind(&deep).unwrap();
        assert!(connect(&deep).unwrap().is_some());
    }
}
