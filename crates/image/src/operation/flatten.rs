//! Cutting a clone loose: its parent's bytes become its own, then the links go.
//!
//! A snapshot of the clone loses its link as well when the image has deep-flatten; otherwise the
//! link stays as long as such snapshots do.

use std::sync::Arc;

use futures_util::future::join;
use marcot_format::call::parent::ParentDetach;
use marcot_format::features::Features;
use marcot_store::Errno;

use super::detach::forget_child;
use crate::class_call::{CallError, tell};
use crate::coordination::{DelegateError, OwnerRequest};
use crate::image::Image;
use crate::io::{IoError, Pace};
use crate::operation::claim::{Claim, ClaimError, check_writable};
use crate::progress::Progress;

/// Why a clone still hangs on its parent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlattenError {
    #[error("image {image} has no parent")]
    NoParent { image: Arc<str> },
    #[error(transparent)]
    Io(#[from] IoError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
}

impl FlattenError {
    pub fn errno(&self) -> Errno {
        match self {
            FlattenError::NoParent { .. } => Errno::INVAL,
            FlattenError::Io(error) => error.errno(),
            FlattenError::Claim(error) => error.errno(),
            FlattenError::Call(error) => error.errno(),
            FlattenError::Delegate(error) => error.errno(),
        }
    }
}

/// Flattens a clone. What is stopped half-way can be begun again.
pub async fn flatten(image: &Image, progress: &dyn Progress) -> Result<(), FlattenError> {
    flatten_at(image, Pace::Alone, progress).await
}

/// The same, and leaves room for what a guest asks of the image meanwhile.
pub(crate) async fn flatten_beside_requests(
    image: &Image,
    progress: &dyn Progress,
) -> Result<(), FlattenError> {
    flatten_at(image, Pace::BesideRequests, progress).await
}

async fn flatten_at(
    image: &Image,
    pace: Pace,
    progress: &dyn Progress,
) -> Result<(), FlattenError> {
    check_writable(image)?;
    image.refresh_if_stale().await.map_err(ClaimError::from)?;
    check_parent(image)?;
    let flattening =
        image.as_owner(OwnerRequest::Flatten, progress, || flatten_here(image, pace, progress));
    // The parents' headers are read while the lock is taken.
    join(image.find_ancestors(), flattening).await.1
}

async fn flatten_here(
    image: &Image,
    pace: Pace,
    progress: &dyn Progress,
) -> Result<(), FlattenError> {
    let claim = Claim::owned_as_told(image).await?;
    check_parent(image)?;
    image.copyup_all(pace, progress).await?;
    let header = claim.header();
    let snapshots_keep_it = !header.features.contains(Features::DEEP_FLATTEN)
        && header.snapshots.iter().any(|snapshot| snapshot.parent_overlap.is_some());
    if !snapshots_keep_it {
        forget_child(image.client(), &header).await?;
    }
    tell(image.store(), image.header_object(), &ParentDetach {}).await?;
    Ok(claim.announce().await?)
}

fn check_parent(image: &Image) -> Result<(), FlattenError> {
    let header = image.header();
    match &header.parent {
        Some(parent) if parent.overlap.is_some() => Ok(()),
        _ => Err(FlattenError::NoParent { image: Arc::clone(&header.name) }),
    }
}
