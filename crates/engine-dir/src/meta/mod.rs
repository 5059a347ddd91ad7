//! Where checkpoints are kept: a small ordered key-value store, changed as a whole.
//!
//! It never stands on the path of a write. A commit is durable when it returns, and after a crash
//! the store shows one commit whole: the last, or the one before if the last had not returned.

mod backend;
mod guard;
mod redb_store;

use std::fmt::Debug;
use std::ops::Bound;

use bytes::Bytes;

pub(crate) use redb_store::RedbStore;

/// Groups of keys that do not mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Table {
    /// Object key → object.
    Objects,
    /// Keys of the objects that have clones → nothing.
    Cloned,
    /// Omap number and key → value.
    Omap,
    /// Page number → which blocks of it are in use.
    Bitmap,
    /// Region number → how often its shared blocks are shared.
    References,
    /// Page number → the checksums of its blocks.
    Checksums,
    /// One row for everything small.
    Super,
}

impl Table {
    pub(crate) const ALL: [Table; 7] = [
        Table::Objects,
        Table::Cloned,
        Table::Omap,
        Table::Bitmap,
        Table::References,
        Table::Checksums,
        Table::Super,
    ];
}

/// Why the metadata could not be read or changed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum MetaError {
    #[error("the metadata cannot be read or written: {0}")]
    Storage(String),
    #[error(transparent)]
    Damaged(#[from] crate::layout::Damaged),
}

/// One change of a commit.
#[derive(Clone, Debug)]
pub(crate) enum MetaChange {
    Put {
        table: Table,
        key: Vec<u8>,
        value: Vec<u8>,
    },
    Delete {
        table: Table,
        key: Vec<u8>,
    },
    /// All keys that begin so.
    DeletePrefix {
        table: Table,
        prefix: Vec<u8>,
    },
}

/// The key-value store of the checkpoints.
pub(crate) trait MetaStore: Debug + Send + Sync {
    /// The value of a key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError>;

    /// Up to `max` pairs from `from` on whose keys begin with `prefix`, ascending.
    fn range(
        &self,
        table: Table,
        from: Bound<Vec<u8>>,
        prefix: &[u8],
        max: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, MetaError>;

    /// Applies all changes, durably, or none.
    fn commit(&self, changes: Vec<MetaChange>) -> Result<(), MetaError>;
}
