//! Groups of images, and snapshots of all members at one moment.
//!
//! The group's header knows its members, and each member's header its group: whichever is written
//! first says "incomplete" until the other one is, so that a crash leaves what can be repeated.
//!
//! | file | what it does |
//! |---|---|
//! | `create`, `remove`, `rename` | the group itself |
//! | `member` | an image comes in, or goes |
//! | `snapshot` | snapshots of all members |

mod create;
mod member;
mod remove;
mod rename;
pub mod snapshot;

use marcot_store::Errno;

use crate::class_call::CallError;
use crate::client::{Client, Location};
use crate::pool::group::{self, Group};

pub use create::create;
pub use member::{Member, add_image, images, remove_image};
pub use remove::remove;
pub use rename::rename;
use snapshot::GroupSnapshotError;

/// Why a group, or what belongs to it, is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    #[error("there is no group {name}")]
    NotFound { name: String },
    #[error("there is a group {name} already")]
    Exists { name: String },
    #[error("there is no image {name}")]
    NoImage { name: String },
    #[error("image {name} belongs to another group")]
    InOtherGroup { name: String },
    #[error("image {name} does not belong to the group")]
    NotAMember { name: String },
    #[error("a group and its images must be in the same namespace")]
    OtherNamespace,
    #[error(transparent)]
    Snapshot(Box<GroupSnapshotError>),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<GroupSnapshotError> for GroupError {
    fn from(error: GroupSnapshotError) -> GroupError {
        GroupError::Snapshot(Box::new(error))
    }
}

impl GroupError {
    pub fn errno(&self) -> Errno {
        match self {
            GroupError::NotFound { .. } | GroupError::NoImage { .. } => Errno::NOENT,
            GroupError::Exists { .. } | GroupError::InOtherGroup { .. } => Errno::EXIST,
            GroupError::NotAMember { .. } => Errno::BADF,
            GroupError::OtherNamespace => Errno::INVAL,
            GroupError::Snapshot(error) => error.errno(),
            GroupError::Call(error) => error.errno(),
        }
    }
}

/// The group `name`, which must be there.
async fn find(client: &Client, at: &Location, name: &str) -> Result<Group, GroupError> {
    let found = group::find(client, at, name).await?;
    found.ok_or_else(|| GroupError::NotFound { name: name.to_owned() })
}
