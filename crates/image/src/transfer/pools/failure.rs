//! Why pools were not copied.

use marcot_format::DecodeError;
use marcot_store::{Errno, ObjectId, StoreError};

/// Why pools were not copied, or not all of them.
#[derive(Debug, thiserror::Error)]
pub enum CopyPoolsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("both ends are the same store")]
    SameStore,
    #[error("there is no pool '{0}'")]
    NoPool(String),
    #[error(
        "images of {pools} need these pools too: {}; name them, or take along what is related",
        missing.join(", ")
    )]
    Related { pools: String, missing: Vec<String> },
    #[error("{object} names pool {pool}, which does not exist")]
    UnknownPool { object: ObjectId, pool: i64 },
    #[error("{object} is in use by {watchers}: close the image first")]
    InUse { object: ObjectId, watchers: String },
    #[error("pool '{0}' is mirrored: end that first, its records name this cluster")]
    Mirrored(String),
    #[error("a manager still has tasks for pool '{0}': let it finish them first")]
    Tasks(String),
    #[error("pool '{0}' is itself a copy that is not complete")]
    Unfinished(String),
    #[error("pool '{0}' at the destination holds something else: it must be empty")]
    Occupied(String),
    #[error("{object}: {error}")]
    Damaged { object: ObjectId, error: DecodeError },
    #[error("{object} of {size} bytes is none of RBD's")]
    TooLarge { object: ObjectId, size: u64 },
    #[error("{object} is not what this copy would have left there")]
    NotOurs { object: ObjectId },
    #[error("{object} differs from its copy in {what}: did somebody write to it meanwhile?")]
    Differs { object: ObjectId, what: &'static str },
    #[error("pool '{pool}' at the destination holds {object}, which the source has not")]
    Extra { pool: String, object: ObjectId },
}

impl CopyPoolsError {
    /// The errno that stands for it.
    pub fn errno(&self) -> Errno {
        match self {
            CopyPoolsError::Store(error) => error.errno,
            CopyPoolsError::SameStore | CopyPoolsError::Related { .. } => Errno::INVAL,
            CopyPoolsError::NoPool(_) | CopyPoolsError::UnknownPool { .. } => Errno::NOENT,
            CopyPoolsError::InUse { .. }
            | CopyPoolsError::Mirrored(_)
            | CopyPoolsError::Tasks(_)
            | CopyPoolsError::Unfinished(_) => Errno::BUSY,
            CopyPoolsError::Occupied(_)
            | CopyPoolsError::NotOurs { .. }
            | CopyPoolsError::Extra { .. } => Errno::EXIST,
            CopyPoolsError::Damaged { .. } | CopyPoolsError::Differs { .. } => Errno::IO,
            CopyPoolsError::TooLarge { .. } => Errno::INVAL,
        }
    }
}
