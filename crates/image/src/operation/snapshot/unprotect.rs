//! Letting go of a protected snapshot, if no clone of format 1 relies on it.

use std::sync::Arc;

use futures_util::future::try_join_all;
use marcot_format::call::snapshot::SetProtectionStatus;
use marcot_format::parent::ParentImageSpec;
use marcot_format::snapshot::{ProtectionStatus, SnapshotNamespace};
use marcot_store::{Errno, SnapId};

use crate::class_call::{CallError, tell};
use crate::coordination::{DelegateError, OwnerRequest};
use crate::image::Image;
use crate::operation::claim::{Claim, ClaimError, check_writable};
use crate::pool::children::{self, Child};
use crate::progress::NoProgress;

/// Why a snapshot is still protected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnprotectError {
    #[error("image {image} has no snapshot {name}")]
    NotFound { image: Arc<str>, name: String },
    #[error("snapshot {name} is not protected")]
    NotProtected { name: String },
    #[error("snapshot {name} has clones: {}", names(children))]
    HasChildren { name: String, children: Vec<Child> },
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
}

impl UnprotectError {
    pub fn errno(&self) -> Errno {
        match self {
            UnprotectError::NotFound { .. } => Errno::NOENT,
            UnprotectError::NotProtected { .. } => Errno::INVAL,
            UnprotectError::HasChildren { .. } => Errno::BUSY,
            UnprotectError::Claim(error) => error.errno(),
            UnprotectError::Call(error) => error.errno(),
            UnprotectError::Delegate(error) => error.errno(),
        }
    }
}

fn names(children: &[Child]) -> String {
    children.iter().map(Child::spec).collect::<Vec<_>>().join(", ")
}

/// Unprotects the user's snapshot `name`.
///
/// While clones are looked for, the snapshot is "unprotecting": no new clone can begin.
pub async fn unprotect(image: &Image, name: &str) -> Result<(), UnprotectError> {
    check_writable(image)?;
    let request =
        OwnerRequest::SnapUnprotect { name: name.to_owned(), namespace: SnapshotNamespace::User };
    image.as_owner(request, &NoProgress, || unprotect_here(image, name)).await
}

async fn unprotect_here(image: &Image, name: &str) -> Result<(), UnprotectError> {
    let claim = Claim::owned(image).await?;
    let header = image.header();
    let Some(snapshot) = header.snapshot_by_name(name) else {
        let image = Arc::clone(&header.name);
        return Err(UnprotectError::NotFound { image, name: name.to_owned() });
    };
    if snapshot.protection == ProtectionStatus::Unprotected {
        return Err(UnprotectError::NotProtected { name: name.to_owned() });
    }
    set(image, snapshot.id, ProtectionStatus::Unprotecting).await?;
    let parent = children::spec(image.location(), &header.id, snapshot.id.0);
    match clones(image, &parent).await {
        Ok(clones) if clones.is_empty() => {}
        found => {
            set(image, snapshot.id, ProtectionStatus::Protected).await?;
            image.store().flush().await.map_err(CallError::from)?;
            let name = name.to_owned();
            return Err(UnprotectError::HasChildren { name, children: found? });
        }
    }
    set(image, snapshot.id, ProtectionStatus::Unprotected).await?;
    Ok(claim.announce().await?)
}

async fn set(image: &Image, snap: SnapId, status: ProtectionStatus) -> Result<(), CallError> {
    let call = SetProtectionStatus { snap_id: snap.0, status };
    tell(image.store(), image.header_object(), &call).await
}

/// The clones of format 1; those of format 2 need no protection.
async fn clones(image: &Image, parent: &ParentImageSpec) -> Result<Vec<Child>, CallError> {
    let client = image.client();
    let pools = client.store.list_pools().await?;
    let scans = pools.iter().map(|pool| children::in_pool(client, parent, pool.id));
    if try_join_all(scans).await?.iter().all(Vec::is_empty) {
        return Ok(Vec::new());
    }
    children::list(client, parent).await
}
