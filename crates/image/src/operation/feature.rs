//! Switching features of an image on and off.

mod disable;
mod enable;

use std::sync::Arc;

use marcot_format::call::header::{SetFeatures, SetFlags};
use marcot_format::features::{Features, Flags};
use marcot_format::wire::Trailing;
use marcot_store::Errno;

use crate::class_call::{CallError, tell};
use crate::coordination::DelegateError;
use crate::header::{Header, ImageFormat};
use crate::image::Image;
use crate::operation::claim::ClaimError;

pub use disable::disable;
pub use enable::enable;

/// Why an image has its old features.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeatureError {
    #[error("old-format images do not support features")]
    Format1,
    #[error("update requires at least one feature")]
    Nothing,
    #[error("cannot update immutable features")]
    Immutable,
    #[error("one or more requested features are already enabled")]
    AlreadyEnabled,
    #[error("one or more requested features are already disabled")]
    AlreadyDisabled,
    #[error("cannot enable {feature}. exclusive-lock must be enabled before enabling {feature}.")]
    NeedsExclusiveLock { feature: &'static str },
    #[error(
        "cannot disable exclusive-lock. object-map or journaling must be disabled before \
         disabling exclusive-lock."
    )]
    ExclusiveLockNeeded,
    #[error("image {image} is too large for an object map")]
    TooLargeForObjectMap { image: Arc<str> },
    #[error("cannot disable journaling: image mirroring is enabled")]
    Mirrored,
    #[error(
        "image {image}: its journal has changes that are not in the image yet; they get there \
         when a client that keeps journals (Ceph's rbd) opens it for writing"
    )]
    JournalInUse { image: Arc<str> },
    #[error("journaling and mirroring features are not supported")]
    NotSupported,
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
}

impl FeatureError {
    pub fn errno(&self) -> Errno {
        match self {
            FeatureError::Format1
            | FeatureError::Nothing
            | FeatureError::Immutable
            | FeatureError::AlreadyEnabled
            | FeatureError::AlreadyDisabled
            | FeatureError::NeedsExclusiveLock { .. }
            | FeatureError::ExclusiveLockNeeded
            | FeatureError::TooLargeForObjectMap { .. } => Errno::INVAL,
            FeatureError::Mirrored => Errno::INVAL,
            FeatureError::JournalInUse { .. } => Errno::BUSY,
            FeatureError::NotSupported => Errno::OPNOTSUPP,
            FeatureError::Claim(error) => error.errno(),
            FeatureError::Call(error) => error.errno(),
            FeatureError::Delegate(error) => error.errno(),
        }
    }
}

/// Features that this release can neither write nor keep true.
const UNSUPPORTED: Features =
    Features::JOURNALING.union(Features::NON_PRIMARY).union(Features::DIRTY_CACHE);

const MAPS: Features = Features::OBJECT_MAP.union(Features::FAST_DIFF);
const MAP_FLAGS: Flags = Flags::OBJECT_MAP_INVALID.union(Flags::FAST_DIFF_INVALID);

fn check_format(header: &Header) -> Result<(), FeatureError> {
    match header.format {
        ImageFormat::V1 => Err(FeatureError::Format1),
        ImageFormat::V2 => Ok(()),
    }
}

/// Sets the features that `mask` selects.
async fn set_features(image: &Image, features: Features, mask: Features) -> Result<(), CallError> {
    tell(image.store(), image.header_object(), &SetFeatures { features, mask }).await
}

/// Sets the flags of the object maps of all snapshots, then of the head.
async fn set_flags(image: &Image, header: &Header, flags: Flags) -> Result<(), CallError> {
    let snapshots = header.snapshots.iter().rev().map(|snapshot| Some(snapshot.id.0));
    for snap_id in snapshots.chain([None]) {
        let call = SetFlags { flags, mask: MAP_FLAGS, snap_id: Trailing(snap_id) };
        tell(image.store(), image.header_object(), &call).await?;
    }
    Ok(())
}
