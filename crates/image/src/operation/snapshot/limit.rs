//! How many snapshots an image may have.

use marcot_format::call::snapshot::{SnapshotGetLimit, SnapshotSetLimit};
use marcot_store::Errno;

use crate::class_call::{CallError, ask, tell};
use crate::image::Image;
use crate::operation::claim::{Claim, ClaimError};

/// Why a limit was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    #[error("the image has more snapshots than {limit} already")]
    BelowCount { limit: u64 },
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl LimitError {
    pub fn errno(&self) -> Errno {
        match self {
            LimitError::BelowCount { .. } => Errno::RANGE,
            LimitError::Claim(error) => error.errno(),
            LimitError::Call(error) => error.errno(),
        }
    }
}

/// The limit; `None` when there is none.
pub async fn limit(image: &Image) -> Result<Option<u64>, CallError> {
    let limit = ask(image.store(), image.header_object(), &SnapshotGetLimit {}).await?;
    Ok((limit != u64::MAX).then_some(limit))
}

/// Allows at most `limit` snapshots from now on.
pub async fn set_limit(image: &Image, limit: u64) -> Result<(), LimitError> {
    let claim = Claim::take(image).await?;
    match tell(image.store(), image.header_object(), &SnapshotSetLimit { limit }).await {
        Err(error) if error.errno() == Errno::RANGE => {
            return Err(LimitError::BelowCount { limit });
        }
        other => other?,
    }
    Ok(claim.flush().await?)
}

/// Removes the limit.
pub async fn clear_limit(image: &Image) -> Result<(), LimitError> {
    set_limit(image, u64::MAX).await
}
