//! Removing a snapshot together with what stands in the way: its clones are flattened, its
//! protection is lifted.
//!
//! What is stopped half-way can be begun again: clones that were flattened stay so.

use marcot_format::features::Features;
use marcot_store::Errno;

use super::{RemoveSnapshotError, UnprotectError, remove, unprotect};
use crate::class_call::CallError;
use crate::client::Access;
use crate::header::Header;
use crate::image::{CloseError, Image, OpenError, OpenOptions};
use crate::operation::claim::{ClaimError, check_writable};
use crate::operation::{Child, FlattenError, flatten};
use crate::pool::children;
use crate::progress::{NoProgress, Progress};

/// Why a snapshot withstood.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ForceRemoveError {
    #[error("clone {child} cannot be opened: {error}")]
    Open { child: String, error: OpenError },
    #[error("clone {child} cannot be flattened: {error}")]
    Flatten { child: String, error: FlattenError },
    #[error("clone {child} cannot be closed: {error}")]
    Close { child: String, error: CloseError },
    /// Flattening would not be enough.
    #[error("clone {child} is without deep-flatten and has snapshots; remove these first")]
    StillNeeded { child: String },
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Unprotect(#[from] UnprotectError),
    #[error(transparent)]
    Remove(#[from] RemoveSnapshotError),
}

impl ForceRemoveError {
    pub fn errno(&self) -> Errno {
        match self {
            ForceRemoveError::Open { error, .. } => error.errno(),
            ForceRemoveError::Flatten { error, .. } => error.errno(),
            ForceRemoveError::Close { error, .. } => error.errno(),
            ForceRemoveError::StillNeeded { .. } => Errno::BUSY,
            ForceRemoveError::Call(error) => error.errno(),
            ForceRemoveError::Unprotect(error) => error.errno(),
            ForceRemoveError::Remove(error) => error.errno(),
        }
    }
}

/// Removes the user's snapshot `name`. Progress counts clones.
pub async fn force_remove(
    image: &Image,
    name: &str,
    progress: &dyn Progress,
) -> Result<(), ForceRemoveError> {
    check_writable(image).map_err(RemoveSnapshotError::from)?;
    let refreshed = image.refresh().await.map_err(ClaimError::from);
    refreshed.map_err(RemoveSnapshotError::from)?;
    let header = image.header();
    if let Some(snapshot) = header.snapshot_by_name(name) {
        let parent = children::spec(image.location(), &header.id, snapshot.id.0);
        let clones = children::list(image.client(), &parent).await?;
        for (done, child) in clones.iter().enumerate() {
            flatten_clone(image, child).await?;
            progress.update(done as u64 + 1, clones.len() as u64);
        }
        match unprotect(image, name).await {
            Ok(()) | Err(UnprotectError::NotProtected { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(remove(image, name).await?)
}

/// One in the trash as well: it can be opened by its id.
async fn flatten_clone(image: &Image, child: &Child) -> Result<(), ForceRemoveError> {
    let named = || child.spec();
    let options = OpenOptions::id(child.id.as_str(), Access::ReadWrite);
    let clone = Image::open(image.client(), &child.location, options)
        .await
        .map_err(|error| ForceRemoveError::Open { child: named(), error })?;
    let flattened = if keeps_its_link(&clone.header()) {
        Err(ForceRemoveError::StillNeeded { child: named() })
    } else {
        let flattened = flatten(&clone, &NoProgress).await;
        flattened.map_err(|error| ForceRemoveError::Flatten { child: named(), error })
    };
    let closed = clone.close().await;
    flattened?;
    closed.map_err(|error| ForceRemoveError::Close { child: named(), error })
}

/// Whether snapshots of the clone hang on the parent even when its head does not.
fn keeps_its_link(clone: &Header) -> bool {
    !clone.features.contains(Features::DEEP_FLATTEN)
        && clone.snapshots.iter().any(|snapshot| snapshot.parent_overlap.is_some())
}
