//! How a store is named: `dir:PATH`, `ceph:CONF` or `memory:`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Which store.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StoreSpec {
    /// The embedded store in a directory.
    Dir(PathBuf),
    /// The Ceph cluster of a configuration file; of this system's when the path is empty.
    Ceph(PathBuf),
    /// A store that is gone when the process ends; for tests.
    Memory,
}

/// Text that names no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    #[error("'{0}' names no store: write dir:PATH or ceph:CONF")]
    UnknownKind(String),
    #[error("'{0}' names no path: write dir:PATH or ceph:CONF")]
    NoPath(String),
}

impl FromStr for StoreSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<StoreSpec, SpecError> {
        let (kind, path) =
            text.split_once(':').ok_or_else(|| SpecError::UnknownKind(text.to_owned()))?;
        match (kind, path) {
            ("memory", "") => Ok(StoreSpec::Memory),
            ("dir", "") => Err(SpecError::NoPath(text.to_owned())),
            ("dir", path) => Ok(StoreSpec::Dir(path.into())),
            ("ceph", path) => Ok(StoreSpec::Ceph(path.into())),
            _ => Err(SpecError::UnknownKind(text.to_owned())),
        }
    }
}

impl fmt::Display for StoreSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreSpec::Dir(path) => write!(f, "dir:{}", path.display()),
            StoreSpec::Ceph(path) => write!(f, "ceph:{}", path.display()),
            StoreSpec::Memory => f.write_str("memory:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_are_read_as_they_are_shown() {
        for text in ["dir:/a b", "dir:x:y", "ceph:/etc/ceph/ceph.conf", "ceph:", "memory:"] {
            assert_eq!(text.parse::<StoreSpec>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn text_that_names_no_store_is_refused() {
        for text in ["", "/var/x", "dir", "dirx:/a", "memory:x"] {
            assert_eq!(text.parse::<StoreSpec>(), Err(SpecError::UnknownKind(text.to_owned())));
        }
        assert_eq!("dir:".parse::<StoreSpec>(), Err(SpecError::NoPath("dir:".to_owned())));
    }
}
