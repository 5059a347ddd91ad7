//! Which pair of an omap: a word, or the bytes of a file, because keys need not be text.

use bytes::Bytes;
use clap::Command;

use super::super::place::{self, Place, refused};
use crate::args::{Arguments, options};
use crate::exit::Failure;

/// A key, and how messages name it.
pub(super) struct Key {
    pub(super) bytes: Bytes,
    shown: String,
}

/// The object, the key, and `--omap-key-file`, which stands in for the latter.
pub(super) fn define(command: Command) -> Command {
    place::object(command).args([
        options::text("omap-key-file", "a file that holds the key, instead of the word"),
        options::word("key", "the key"),
    ])
}

impl Key {
    pub(super) fn of(arguments: &Arguments) -> Result<Key, Failure> {
        let Some(path) = arguments.text("omap-key-file") else {
            let key = place::required(arguments, "key")?;
            return Ok(Key { bytes: Bytes::from(key.clone()), shown: key });
        };
        let bytes = std::fs::read(&path)
            .map_err(|error| refused(&format!("can't open {path}: {}", place::errno(&error))))?;
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Key { bytes: bytes.into(), shown })
    }

    /// `POOL/OBJECT/KEY`
    pub(super) fn shown(&self, place: &Place<'_>, object: &str) -> String {
        format!("{}/{}", place.shown(object), self.shown)
    }
}
