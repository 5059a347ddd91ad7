//! Changing an image's size. Growing extends the object map first; shrinking trims first.

use std::sync::Arc;

use marcot_format::features::Features;
use marcot_format::object_map::MAX_OBJECT_COUNT;
use marcot_store::Errno;

use crate::class_call::CallError;
use crate::coordination::{DelegateError, OwnerRequest};
use crate::header::Header;
use crate::image::Image;
use crate::io::IoError;
use crate::operation::claim::{Claim, ClaimError, check_writable};
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
    Io(#[from] IoError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
}

impl ResizeError {
    pub fn errno(&self) -> Errno {
        match self {
            ResizeError::WouldShrink { .. } | ResizeError::TooLargeForObjectMap { .. } => {
                Errno::INVAL
            }
            ResizeError::Io(error) => error.errno(),
            ResizeError::Claim(error) => error.errno(),
            ResizeError::Call(error) => error.errno(),
            ResizeError::Delegate(error) => error.errno(),
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
    check_writable(image)?;
    image.refresh().await.map_err(ClaimError::from)?;
    check(&image.header(), size, options)?;
    if size == image.header().size {
        // As in Ceph: nobody needs the lock for that.
        return Ok(());
    }
    let request = OwnerRequest::Resize { size, allow_shrink: options.allow_shrink };
    image.as_owner(request, progress, || resize_here(image, size, options, progress)).await
}

async fn resize_here(
    image: &Image,
    size: u64,
    options: &ResizeOptions,
    progress: &dyn Progress,
) -> Result<(), ResizeError> {
    let claim = Claim::owned(image).await?;
    check(&claim.header(), size, options)?;
    set_size(&claim, size, progress).await?;
    progress.update(1, 1);
    Ok(claim.announce().await?)
}

fn check(header: &Header, size: u64, options: &ResizeOptions) -> Result<(), ResizeError> {
    if size < header.size && !options.allow_shrink {
        return Err(ResizeError::WouldShrink { image: Arc::clone(&header.name) });
    }
    let mapped = header.features.contains(Features::OBJECT_MAP);
    if mapped && header.object_count(size) > MAX_OBJECT_COUNT {
        return Err(ResizeError::TooLargeForObjectMap { image: Arc::clone(&header.name) });
    }
    Ok(())
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
    let tell_size = async || image.change_header(header.set_size(size)).await;
    if size == header.size {
        return Ok(());
    }
    let quiet = claim.quiesce().await;
    if size > header.size {
        if let Some(map) = claim.object_map() {
            map.resize(objects).await?;
        }
        tell_size().await.map_err(CallError::from)?;
    } else {
        image.trim_objects(size, progress).await?;
        tell_size().await.map_err(CallError::from)?;
        if let Some(map) = claim.object_map() {
            map.resize(objects).await?;
        }
    }
    claim.reread().await?;
    drop(quiet);
    Ok(())
}
