//! Keeping a snapshot from being removed, so that clones of format 1 can rely on it.

use std::sync::Arc;

use marcot_format::call::snapshot::SetProtectionStatus;
use marcot_format::features::Features;
use marcot_format::snapshot::{ProtectionStatus, SnapshotNamespace};
use marcot_store::Errno;

use crate::class_call::{CallError, tell};
use crate::coordination::{DelegateError, OwnerRequest};
use crate::image::Image;
use crate::operation::claim::{Claim, ClaimError, check_writable};
use crate::progress::NoProgress;

/// Why a snapshot was not protected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtectError {
    #[error("image {image} has no snapshot {name}")]
    NotFound { image: Arc<str>, name: String },
    #[error("snapshot {name} is already protected")]
    AlreadyProtected { name: String },
    #[error("image {image} has no layering: it cannot have clones")]
    NoLayering { image: Arc<str> },
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
}

impl ProtectError {
    pub fn errno(&self) -> Errno {
        match self {
            ProtectError::NotFound { .. } => Errno::NOENT,
            ProtectError::AlreadyProtected { .. } => Errno::BUSY,
            ProtectError::NoLayering { .. } => Errno::NOSYS,
            ProtectError::Claim(error) => error.errno(),
            ProtectError::Call(error) => error.errno(),
            ProtectError::Delegate(error) => error.errno(),
        }
    }
}

/// Protects the user's snapshot `name`.
pub async fn protect(image: &Image, name: &str) -> Result<(), ProtectError> {
    check_writable(image)?;
    let request =
        OwnerRequest::SnapProtect { name: name.to_owned(), namespace: SnapshotNamespace::User };
    image.as_owner(request, &NoProgress, || protect_here(image, name)).await
}

async fn protect_here(image: &Image, name: &str) -> Result<(), ProtectError> {
    let claim = Claim::owned(image).await?;
    let header = image.header();
    if !header.features.contains(Features::LAYERING) {
        return Err(ProtectError::NoLayering { image: Arc::clone(&header.name) });
    }
    let Some(snapshot) = header.snapshot_by_name(name) else {
        let image = Arc::clone(&header.name);
        return Err(ProtectError::NotFound { image, name: name.to_owned() });
    };
    if snapshot.protection == ProtectionStatus::Protected {
        return Err(ProtectError::AlreadyProtected { name: name.to_owned() });
    }
    let status = ProtectionStatus::Protected;
    let call = SetProtectionStatus { snap_id: snapshot.id.0, status };
    tell(image.store(), image.header_object(), &call).await?;
    Ok(claim.announce().await?)
}
