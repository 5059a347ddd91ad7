//! What every verb that changes an opened image does first and last.
//!
//! First: make sure that it may, read the header afresh, and own the exclusive lock if the image
//! has one. Last: tell other clients that the header changed, and flush.
//!
//! Verbs that the lock's owner runs for others go through [`Image::as_owner`] and claim what is
//! owned already; the others keep the lock themselves while they run.

use std::sync::Arc;

use futures_util::future::join;
use marcot_format::features::Features;
use marcot_store::{Errno, StoreError};

use crate::class_call::CallError;
use crate::coordination::{LockError, WhileOwned};
use crate::header::{Header, HeaderError, UnwritableError};
use crate::image::Image;
use crate::io::{Closed, Inside};
use crate::object_map::ObjectMap;

/// Why a verb did not begin, or did not end well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    #[error("image {image} is opened read-only")]
    ReadOnly { image: Arc<str> },
    #[error("another client works on image {image}; end it first")]
    InUse { image: Arc<str> },
    #[error(transparent)]
    Unwritable(#[from] UnwritableError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ClaimError {
    pub fn errno(&self) -> Errno {
        match self {
            ClaimError::ReadOnly { .. } | ClaimError::InUse { .. } | ClaimError::Unwritable(_) => {
                Errno::ROFS
            }
            ClaimError::Lock(error) => error.errno_of_verb(),
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
    _lock: Option<Inside<'a>>,
}

impl<'a> Claim<'a> {
    /// Takes the exclusive lock, if the image has one, and keeps it until the claim goes.
    pub(crate) async fn take(image: &'a Image) -> Result<Claim<'a>, ClaimError> {
        Claim::take_despite(image, Features::NONE).await
    }

    /// The same for a verb that minds features which others must not touch.
    pub(crate) async fn take_despite(
        image: &'a Image,
        features: Features,
    ) -> Result<Claim<'a>, ClaimError> {
        check_writable(image)?;
        image.refresh().await?;
        image.header().check_writable(features)?;
        let lock = image.hold_lock(WhileOwned::Request).await?;
        image.refresh_if_stale().await?;
        image.header().check_writable(features)?;
        Ok(Claim { image, _lock: lock })
    }

    /// The same, but does not take the lock from a living client.
    pub(crate) async fn take_unused(image: &'a Image) -> Result<Claim<'a>, ClaimError> {
        check_writable(image)?;
        image.refresh().await?;
        image.header().check_writable(Features::NONE)?;
        let Some(lock) = image.hold_lock(WhileOwned::Leave).await? else {
            return Err(ClaimError::InUse { image: image.name() });
        };
        image.refresh_if_stale().await?;
        image.header().check_writable(Features::NONE)?;
        Ok(Claim { image, _lock: Some(lock) })
    }

    /// Within [`Image::as_owner`]: the lock is kept by who called.
    pub(crate) async fn owned(image: &'a Image) -> Result<Claim<'a>, ClaimError> {
        Claim::owned_despite(image, Features::NONE).await
    }

    /// The same for a verb that is content with the header as of the last notice of a change: whoever
    /// changes what it minds tells the owner.
    pub(crate) async fn owned_as_told(image: &'a Image) -> Result<Claim<'a>, ClaimError> {
        check_writable(image)?;
        image.refresh_if_stale().await?;
        image.header().check_writable(Features::NONE)?;
        Ok(Claim { image, _lock: None })
    }

    /// The same for a verb that minds features which others must not touch.
    pub(crate) async fn owned_despite(
        image: &'a Image,
        features: Features,
    ) -> Result<Claim<'a>, ClaimError> {
        check_writable(image)?;
        image.refresh().await?;
        image.header().check_writable(features)?;
        Ok(Claim { image, _lock: None })
    }

    pub(crate) fn image(&self) -> &'a Image {
        self.image
    }

    pub(crate) fn header(&self) -> Arc<Header> {
        self.image.header()
    }

    /// The head's object map, if there is one. As in Ceph, one that is flagged invalid is kept on
    /// and copied for snapshots, but not believed.
    pub(crate) fn object_map(&self) -> Option<Arc<ObjectMap>> {
        self.image.current().object_map.clone().filter(|map| !map.is_given_up())
    }

    /// The head's object map, if there is one that can be relied on.
    pub(crate) fn trusted_object_map(&self) -> Option<Arc<ObjectMap>> {
        self.object_map().filter(|_| self.image.current().object_map_trusted())
    }

    /// Waits for writes of this client and keeps new ones out until the guard is dropped.
    pub(crate) async fn quiesce(&self) -> Closed<'a> {
        self.image.quiesce().await
    }

    /// Reads the header that the verb has just changed.
    pub(crate) async fn reread(&self) -> Result<(), ClaimError> {
        Ok(self.image.refresh().await?)
    }

    /// Ends a verb that changed nothing others need to read again.
    pub(crate) async fn flush(&self) -> Result<(), ClaimError> {
        Ok(self.image.store().flush().await?)
    }

    /// Ends a verb: tells all clients to read the header again, does so itself meanwhile, flushes.
    pub(crate) async fn announce(&self) -> Result<(), ClaimError> {
        self.tell().await?;
        self.flush().await
    }

    /// The same, but for the flush: by who goes on changing.
    pub(crate) async fn tell(&self) -> Result<(), ClaimError> {
        let told = self.image.notify_header_update();
        let (told, read) = join(told, self.image.refresh_if_stale()).await;
        told?;
        Ok(read?)
    }
}

/// Verbs need the head, opened for writing.
pub(crate) fn check_writable(image: &Image) -> Result<(), ClaimError> {
    match image.is_writable() {
        true => Ok(()),
        false => Err(ClaimError::ReadOnly { image: image.name() }),
    }
}
