//! Giving a snapshot another name.

use std::sync::Arc;

use marcot_store::Errno;

use crate::class_call::CallError;
use crate::coordination::{DelegateError, OwnerRequest};
use crate::image::Image;
use crate::operation::claim::{Claim, ClaimError, check_writable};
use crate::progress::NoProgress;

/// Why a snapshot has its old name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenameSnapshotError {
    #[error("a snapshot needs a name")]
    NoName,
    #[error("image {image} has no snapshot {name}")]
    NotFound { image: Arc<str>, name: String },
    #[error("image {image} has a snapshot {name} already")]
    Exists { image: Arc<str>, name: String },
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
}

impl RenameSnapshotError {
    pub fn errno(&self) -> Errno {
        match self {
            RenameSnapshotError::NoName => Errno::INVAL,
            RenameSnapshotError::NotFound { .. } => Errno::NOENT,
            RenameSnapshotError::Exists { .. } => Errno::EXIST,
            RenameSnapshotError::Claim(error) => error.errno(),
            RenameSnapshotError::Call(error) => error.errno(),
            RenameSnapshotError::Delegate(error) => error.errno(),
        }
    }
}

/// Renames the user's snapshot `from` to `to`.
pub async fn rename(image: &Image, from: &str, to: &str) -> Result<(), RenameSnapshotError> {
    if to.is_empty() {
        return Err(RenameSnapshotError::NoName);
    }
    check_writable(image)?;
    image.refresh().await.map_err(ClaimError::from)?;
    let header = image.header();
    let Some(snapshot) = header.snapshot_by_name(from) else {
        let image = Arc::clone(&header.name);
        return Err(RenameSnapshotError::NotFound { image, name: from.to_owned() });
    };
    let request = OwnerRequest::SnapRename { snap: snapshot.id, name: to.to_owned() };
    image.as_owner(request, &NoProgress, || rename_here(image, from, to)).await
}

async fn rename_here(image: &Image, from: &str, to: &str) -> Result<(), RenameSnapshotError> {
    let claim = Claim::owned(image).await?;
    let header = image.header();
    let exists =
        || RenameSnapshotError::Exists { image: Arc::clone(&header.name), name: to.to_owned() };
    let Some(snapshot) = header.snapshot_by_name(from) else {
        let image = Arc::clone(&header.name);
        return Err(RenameSnapshotError::NotFound { image, name: from.to_owned() });
    };
    if header.snapshot_by_name(to).is_some() {
        return Err(exists());
    }
    match image.change_header(header.rename_snapshot(snapshot, to)).await {
        Err(error) if error.errno == Errno::EXIST => return Err(exists()),
        other => other.map_err(CallError::from)?,
    }
    Ok(claim.announce().await?)
}
