//! Giving back the space of zeros that were written.

use std::sync::Arc;

use marcot_store::Errno;

use crate::coordination::{DelegateError, OwnerRequest};
use crate::image::Image;
use crate::io::IoError;
use crate::operation::claim::{Claim, ClaimError, check_writable};
use crate::progress::Progress;

/// The smallest run of zeros that may be given back, in bytes.
pub const MIN_SPARSE_SIZE: u64 = 4096;

/// Why zeros still take space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SparsifyError {
    #[error(
        "the sparse size {sparse_size} of image {image} must be a power of two from \
         {MIN_SPARSE_SIZE} to the size of an object"
    )]
    SparseSize { image: Arc<str>, sparse_size: u64 },
    #[error(transparent)]
    Io(#[from] IoError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
}

impl SparsifyError {
    pub fn errno(&self) -> Errno {
        match self {
            SparsifyError::SparseSize { .. } => Errno::INVAL,
            SparsifyError::Io(error) => error.errno(),
            SparsifyError::Claim(error) => error.errno(),
            SparsifyError::Delegate(error) => error.errno(),
        }
    }
}

/// Gives back runs of at least `sparse_size` bytes of zeros.
pub async fn sparsify(
    image: &Image,
    sparse_size: u64,
    progress: &dyn Progress,
) -> Result<(), SparsifyError> {
    check_writable(image)?;
    let object_size = image.header().striping.object_size();
    let fits = (MIN_SPARSE_SIZE..=object_size).contains(&sparse_size);
    if !fits || !sparse_size.is_power_of_two() {
        let image = Arc::clone(&image.header().name);
        return Err(SparsifyError::SparseSize { image, sparse_size });
    }
    let request = OwnerRequest::Sparsify { sparse_size };
    image.as_owner(request, progress, || sparsify_here(image, sparse_size, progress)).await
}

async fn sparsify_here(
    image: &Image,
    sparse_size: u64,
    progress: &dyn Progress,
) -> Result<(), SparsifyError> {
    let claim = Claim::owned(image).await?;
    image.sparsify_objects(sparse_size, progress).await?;
    Ok(claim.announce().await?)
}
