//! The directory of an embedded store: made for its user alone, refused when it is not.
//!
//! Looked at before anything in it is used, sockets and logs too. The engine checks its files.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use marcot_store::Errno;

/// Why a directory cannot hold this user's store. No message names more than the user gave.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error(
        "cannot use the directory {}: {error}{}", path.display(),
        match error.kind() {
            io::ErrorKind::PermissionDenied => " (name one that you may use: --store dir:PATH)",
            _ => "",
        }
    )]
    Io { path: PathBuf, error: io::Error },
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    #[error(
        "{path} belongs to the user with uid {owner}, and this is uid {user}: run the command as \
         that user (sudo -u '#{owner}' ...), or use a store of your own (--store dir:PATH)",
        path = path.display()
    )]
    ForeignOwner { path: PathBuf, owner: u32, user: u32 },
    #[error(
        "{path} can be changed by other users (mode {mode:04o}): close it with chmod 700 {path}",
        path = path.display()
    )]
    OpenToOthers { path: PathBuf, mode: u32 },
}

impl DirectoryError {
    /// The errno that stands for it.
    pub fn errno(&self) -> Errno {
        match self {
            DirectoryError::Io { error, .. } => {
                error.raw_os_error().map_or(Errno::IO, Errno::from_raw)
            }
            DirectoryError::NotADirectory(_) => Errno::NOTDIR,
            DirectoryError::ForeignOwner { .. } | DirectoryError::OpenToOthers { .. } => {
                Errno::ACCES
            }
        }
    }
}

/// Makes the directory if it is not there (mode 0700) and checks that it may hold a store of this
/// user. Yields its absolute path.
pub(crate) fn prepare(path: &Path) -> Result<PathBuf, DirectoryError> {
    let failed = |error| DirectoryError::Io { path: path.to_owned(), error };
    let absolute = std::path::absolute(path).map_err(failed)?;
    let metadata = match fs::metadata(&absolute) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = absolute.parent() {
                fs::create_dir_all(parent).map_err(failed)?;
            }
            match DirBuilder::new().mode(0o700).create(&absolute) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(failed(error));
                }
                _ => fs::metadata(&absolute).map_err(failed)?,
            }
        }
        found => found.map_err(failed)?,
    };
    check(path, &metadata, rustix::process::geteuid().as_raw())?;
    Ok(absolute)
}

fn check(path: &Path, metadata: &Metadata, user: u32) -> Result<(), DirectoryError> {
    if !metadata.is_dir() {
        return Err(DirectoryError::NotADirectory(path.to_owned()));
    }
    if metadata.uid() != user {
        return Err(DirectoryError::ForeignOwner {
            path: path.to_owned(),
            owner: metadata.uid(),
            user,
        });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(DirectoryError::OpenToOthers { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_directory_is_for_its_user_alone() {
        let top = tempfile::tempdir().unwrap();
        let path = top.path().join("a/b");
        assert_eq!(prepare(&path).unwrap(), path);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
        assert_eq!(prepare(&path).unwrap(), path);
    }

    #[test]
    fn a_directory_that_others_may_change_is_refused_with_the_way_out() {
        let top = tempfile::tempdir().unwrap();
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o770)).unwrap();
        let error = prepare(top.path()).unwrap_err();
        assert!(error.to_string().contains("chmod 700"), "{error}");
    }

    #[test]
    fn a_directory_of_another_user_is_refused_with_the_way_out() {
        let top = tempfile::tempdir().unwrap();
        let metadata = fs::metadata(top.path()).unwrap();
        let error = check(top.path(), &metadata, metadata.uid() + 1).unwrap_err();
        assert!(error.to_string().contains("sudo -u"), "{error}");
    }

    #[test]
    fn a_file_is_no_store() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(matches!(prepare(file.path()), Err(DirectoryError::NotADirectory(_))));
    }
}
