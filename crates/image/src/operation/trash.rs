//! The trash: images without a name, kept until they are removed or restored.
//!
//! The entry is written first and removed last, and its state says what is going on; so whatever a
//! crash cuts off, running the verb again completes it.
//!
//! | file | what it does |
//! |---|---|
//! | `move_to` | an image leaves the directory |
//! | `restore` | it comes back |
//! | `remove` | it goes for good |
//! | `purge` | everything that has expired goes |

mod move_to;
mod purge;
mod remove;
mod restore;

use marcot_format::Utime;
use marcot_format::trash::TrashState;
use marcot_store::Errno;

use super::remove::RemoveError;
use crate::class_call::CallError;
use crate::image::{CloseError, OpenError};
use crate::operation::claim::ClaimError;

pub use move_to::move_to_trash;
pub(super) use move_to::{Move, forget_name};
pub use purge::{PurgeError, PurgeOptions, purge};
pub(crate) use remove::remove_expired_parent;
pub use remove::{Deferment, remove_from_trash};
pub use restore::restore;

/// Why an image did not go to, or out of, the trash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrashError {
    #[error("there is no image {name}")]
    NoImage { name: String },
    #[error("there is no image with id {id} in the trash")]
    NotInTrash { id: String },
    /// Somebody else is at it, or a crash cut it off.
    #[error("the image with id {id} is {}", doing(*state))]
    Unsettled { id: String, state: TrashState },
    #[error("the image with id {id} must not be removed yet")]
    Deferred { id: String, until: Utime },
    #[error("there is an image {name} already")]
    Exists { name: String },
    #[error("image {name} is of format 1, which the trash does not take")]
    Format1 { name: String },
    #[error(transparent)]
    Remove(Box<RemoveError>),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Close(#[from] CloseError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl TrashError {
    pub fn errno(&self) -> Errno {
        match self {
            TrashError::NoImage { .. } | TrashError::NotInTrash { .. } => Errno::NOENT,
            TrashError::Unsettled { .. } => Errno::BUSY,
            TrashError::Deferred { .. } => Errno::PERM,
            TrashError::Exists { .. } => Errno::EXIST,
            TrashError::Format1 { .. } => Errno::OPNOTSUPP,
            TrashError::Remove(error) => error.errno(),
            TrashError::Open(error) => error.errno(),
            TrashError::Close(error) => error.errno(),
            TrashError::Claim(error) => error.errno(),
            TrashError::Call(error) => error.errno(),
        }
    }
}

fn doing(state: TrashState) -> &'static str {
    match state {
        TrashState::Normal => "in the trash",
        TrashState::Moving => "being moved to the trash; move it again to complete that",
        TrashState::Removing => "being removed; remove it again to complete that",
        TrashState::Restoring => "being restored; restore it again to complete that",
    }
}
