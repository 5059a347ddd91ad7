//! Changing an image's size. Growing extends the object map first; shrinking trims first.

use std::sync::Arc;

use marcot_format::call::header::SetSize;
use marcot_format::features::Features;
use marcot_format::object_map::MAX_OBJECT_COUNT;
use marcot_store::Errno;

use super::trim::trim;
use crate::class_call::{CallError, tell};
use crate::image::Image;
use crate::operation::claim::{Claim, ClaimError};
use crate::progress::Progress;

/// How to resize.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResizeOptions {
    /// Whether data may be lost.
    pub allow_shrink: bool,
}

/// Why an image has its old size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResizeError {
    #[error("shrinking image {image} would lose data; allow it to go on")]
    WouldShrink { image: Arc<str> },
    #[error("new size is not compatible with the object map of image {image}")]
    TooLargeForObjectMap { image: Arc<str> },
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ResizeError {
    pub fn errno(&self) -> Errno {
        match self {
            ResizeError::WouldShrink { .. } | ResizeError::TooLargeForObjectMap { .. } => {
                Errno::INVAL
            }
            ResizeError::Claim(error) => error.errno(),
            ResizeError::Call(error) => error.errno(),
        }
    }
}

/// Makes the image `size` bytes long.
pub async fn resize(
    image: &Image,
    size: u64,
    options: &ResizeOptions,
    progress: &dyn Progress,
) -> Result<(), ResizeError> {
    let claim = Claim::take(image).await?;
    let header = claim.header();
    if size < header.size && !options.allow_shrink {
        return Err(ResizeError::WouldShrink { image: Arc::clone(&header.name) });
    }
    let mapped = header.features.contains(Features::OBJECT_MAP);
    if mapped && header.object_count(size) > MAX_OBJECT_COUNT {
        return Err(ResizeError::TooLargeForObjectMap { image: Arc::clone(&header.name) });
    }
    set_size(&claim, size, progress).await?;
    progress.update(1, 1);
    Ok(claim.announce().await?)
}

/// The work of [`resize`], for verbs that hold the claim already.
pub(crate) async fn set_size(
    claim: &Claim<'_>,
    size: u64,
    progress: &dyn Progress,
) -> Result<(), ResizeError> {
    let image = claim.image();
    let header = claim.header();
    let objects = header.object_count(size);
    let tell_size = async || tell(image.store(), image.header_object(), &SetSize { size }).await;
    if size == header.size {
        return Ok(());
    }
    let quiet = claim.quiesce().await;
    if size > header.size {
        if let Some(map) = claim.object_map() {
            map.resize(objects).await?;
        }
        tell_size().await?;
    } else {
        trim(claim, size, progress).await?;
        tell_size().await?;
        if let Some(map) = claim.object_map() {
            map.resize(objects).await?;
        }
    }
    claim.reread().await?;
    drop(quiet);
    Ok(())
}
