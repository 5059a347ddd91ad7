//! Snapshots of all members of a group at one moment.
//!
//! The record is written first, "incomplete", and says "complete" once every member has its
//! snapshot. Meanwhile all members are locked and their users paused. Locks are taken in the order
//! of the members: two verbs on one group wait for each other and do not block for ever.

mod create;
mod remove;
mod rename;
mod rollback;

use std::sync::Arc;

use marcot_format::group::{GroupSnapshot, ImageSnapshotSpec};
use marcot_format::snapshot::SnapshotNamespace;
use marcot_store::{Errno, PoolId};

use crate::class_call::CallError;
use crate::client::{Access, Client, Location};
use crate::coordination::QuiesceError;
use crate::header::{Header, Snapshot};
use crate::image::{CloseError, Image, OpenError, OpenOptions};
use crate::operation::claim::ClaimError;
use crate::operation::snapshot::{CreateSnapshotError, RemoveSnapshotError, RollbackError};
use crate::pool::group::{self, Group};

pub use create::create;
pub use remove::remove;
pub(in crate::operation::group) use remove::remove_one;
pub use rename::rename;
pub use rollback::rollback;

/// Why a group's snapshot is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupSnapshotError {
    #[error("there is no group {name}")]
    NoGroup { name: String },
    #[error("the group has no snapshot {name}")]
    NotFound { name: String },
    #[error("the group has a snapshot {name} already")]
    Exists { name: String },
    #[error("image {image} has no snapshot of that moment")]
    Missing { image: Arc<str> },
    #[error("member {image}: {source}")]
    Open { image: String, source: OpenError },
    #[error(transparent)]
    Close(#[from] CloseError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Quiesce(#[from] QuiesceError),
    #[error(transparent)]
    Create(Box<CreateSnapshotError>),
    #[error(transparent)]
    Remove(Box<RemoveSnapshotError>),
    #[error(transparent)]
    Rollback(Box<RollbackError>),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<CreateSnapshotError> for GroupSnapshotError {
    fn from(error: CreateSnapshotError) -> GroupSnapshotError {
        GroupSnapshotError::Create(Box::new(error))
    }
}

impl From<RemoveSnapshotError> for GroupSnapshotError {
    fn from(error: RemoveSnapshotError) -> GroupSnapshotError {
        GroupSnapshotError::Remove(Box::new(error))
    }
}

impl From<RollbackError> for GroupSnapshotError {
    fn from(error: RollbackError) -> GroupSnapshotError {
        GroupSnapshotError::Rollback(Box::new(error))
    }
}

impl GroupSnapshotError {
    pub fn errno(&self) -> Errno {
        match self {
            GroupSnapshotError::NoGroup { .. }
            | GroupSnapshotError::NotFound { .. }
            | GroupSnapshotError::Missing { .. } => Errno::NOENT,
            GroupSnapshotError::Exists { .. } => Errno::EXIST,
            GroupSnapshotError::Open { source, .. } => source.errno(),
            GroupSnapshotError::Close(error) => error.errno(),
            GroupSnapshotError::Claim(error) => error.errno(),
            GroupSnapshotError::Quiesce(error) => error.errno(),
            GroupSnapshotError::Create(error) => error.errno(),
            GroupSnapshotError::Remove(error) => error.errno(),
            GroupSnapshotError::Rollback(error) => error.errno(),
            GroupSnapshotError::Call(error) => error.errno(),
        }
    }
}

/// The snapshots of the group `name`, by id. A group that is not there has none, as in Ceph.
pub async fn list(
    client: &Client,
    at: &Location,
    name: &str,
) -> Result<Vec<GroupSnapshot>, CallError> {
    match group::find(client, at, name).await? {
        Some(group) => group::snapshots(client, &group).await,
        None => Ok(Vec::new()),
    }
}

/// A group and its snapshot `name`, which must both be there.
async fn find(
    client: &Client,
    at: &Location,
    group: &str,
    name: &str,
) -> Result<(Group, GroupSnapshot), GroupSnapshotError> {
    let group = find_group(client, at, group).await?;
    let taken = group::snapshots(client, &group).await?;
    match taken.into_iter().find(|snapshot| snapshot.name == name) {
        Some(snapshot) => Ok((group, snapshot)),
        None => Err(GroupSnapshotError::NotFound { name: name.to_owned() }),
    }
}

async fn find_group(
    client: &Client,
    at: &Location,
    name: &str,
) -> Result<Group, GroupSnapshotError> {
    let found = group::find(client, at, name).await?;
    found.ok_or_else(|| GroupSnapshotError::NoGroup { name: name.to_owned() })
}

/// What the snapshots of the members say that they belong to.
fn namespace(group: &Group, id: &str) -> SnapshotNamespace {
    SnapshotNamespace::Group {
        pool_id: group.at.pool.0,
        group_id: group.id.clone(),
        group_snap_id: id.to_owned(),
    }
}

/// A member's part of a group's snapshot.
fn part<'a>(header: &'a Header, group: &Group, id: &str) -> Option<&'a Snapshot> {
    let namespace = namespace(group, id);
    header.snapshots.iter().find(|snapshot| snapshot.namespace == namespace)
}

/// Opens one of the images that a group's snapshot names.
async fn open(
    client: &Client,
    group: &Group,
    spec: &ImageSnapshotSpec,
) -> Result<Arc<Image>, GroupSnapshotError> {
    let at = Location { pool: PoolId(spec.pool_id), ..group.at.clone() };
    let options = OpenOptions::id(spec.image_id.as_str(), Access::ReadWrite);
    let opened = Image::open(client, &at, options).await;
    opened.map_err(|source| GroupSnapshotError::Open { image: spec.image_id.clone(), source })
}

/// Closes them all; the first error is the one that counts.
async fn close(images: &[Arc<Image>]) -> Result<(), GroupSnapshotError> {
    let mut outcome = Ok(());
    for image in images {
        outcome = outcome.and(image.close().await);
    }
    Ok(outcome?)
}
