//! The handle of an opened image.
//!
//! What is known of the image is one [`Current`] value behind an `Arc`, replaced whole by
//! [`Image::refresh`]; every operation takes the value once and works with it to its end. A
//! notification only marks it stale; the next operation refreshes. No lock is held across an
//! await except the one that lets a single task refresh.

mod open;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use marcot_store::{Errno, ObjectId, SnapId, Store, StoreError};

use crate::client::{Access, Client, ImageKey, Location, SnapKey};
use crate::header::{Header, HeaderError, Identity, SnapView, load};

pub use open::OpenError;

/// An opened image: its head, or one of its snapshots.
pub struct Image {
    this: Weak<Image>,
    client: Client,
    identity: Identity,
    header_object: ObjectId,
    snap: SnapId,
    access: Access,
    current: RwLock<Arc<Current>>,
    /// Grows with every notice that the header may have changed.
    noticed: AtomicU64,
    /// The value of `noticed` that `current` accounts for.
    accounted: AtomicU64,
    refreshing: futures_util::lock::Mutex<()>,
}

/// How to open an image.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    pub image: ImageKey,
    pub snap: SnapKey,
    pub access: Access,
}

impl OpenOptions {
    /// The head of the image called `name`.
    pub fn name(name: impl Into<String>, access: Access) -> OpenOptions {
        OpenOptions { image: ImageKey::Name(name.into()), snap: SnapKey::Head, access }
    }

    /// The head of the image with that id.
    pub fn id(id: impl Into<String>, access: Access) -> OpenOptions {
        OpenOptions { image: ImageKey::Id(id.into()), snap: SnapKey::Head, access }
    }

    /// The same image at a snapshot.
    pub fn at(self, snap: SnapKey) -> OpenOptions {
        OpenOptions { snap, ..self }
    }
}

/// Everything an operation needs to know of the image, as of one moment.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) header: Arc<Header>,
    pub(crate) view: SnapView,
}

/// Why an image did not close cleanly. It is closed nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("close image {image}: {source}")]
pub struct CloseError {
    pub image: Arc<str>,
    pub source: StoreError,
}

impl CloseError {
    pub fn errno(&self) -> Errno {
        self.source.errno
    }
}

impl Image {
    /// Opens an image.
    pub async fn open(
        client: &Client,
        at: &Location,
        options: OpenOptions,
    ) -> Result<Arc<Image>, OpenError> {
        let (identity, current) = open::find(client, at, &options).await?;
        let image = Arc::new_cyclic(|this| Image {
            this: Weak::clone(this),
            client: client.clone(),
            header_object: current.header.object(),
            identity,
            snap: current.view.snap,
            access: options.access,
            current: RwLock::new(Arc::new(current)),
            noticed: AtomicU64::new(0),
            accounted: AtomicU64::new(0),
            refreshing: futures_util::lock::Mutex::new(()),
        });
        Ok(image)
    }

    /// Makes everything written durable, gives the lock back and forgets the image. The handle
    /// must not be used afterwards.
    pub async fn close(&self) -> Result<(), CloseError> {
        match self.access {
            Access::ReadOnly => Ok(()),
            Access::ReadWrite => self
                .store()
                .flush()
                .await
                .map_err(|source| CloseError { image: Arc::clone(&self.identity.name), source }),
        }
    }

    /// The header as last read. Notifications since then are not accounted for.
    pub fn header(&self) -> Arc<Header> {
        Arc::clone(&self.current().header)
    }

    /// The head or snapshot that was opened, as last read.
    pub fn view(&self) -> SnapView {
        self.current().view
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn location(&self) -> &Location {
        &self.identity.location
    }

    /// The header object.
    pub fn header_object(&self) -> &ObjectId {
        &self.header_object
    }

    pub fn access(&self) -> Access {
        self.access
    }

    /// The opened snapshot, or [`SnapId::HEAD`].
    pub fn snap(&self) -> SnapId {
        self.snap
    }

    /// Whether writes are accepted at all.
    pub fn is_writable(&self) -> bool {
        self.access == Access::ReadWrite && self.snap == SnapId::HEAD
    }

    /// Reads the header again, whether or not somebody said that it changed.
    pub async fn refresh(&self) -> Result<(), HeaderError> {
        self.note_header_change();
        self.refresh_if_stale().await
    }

    /// Says that the header may have changed: the next operation reads it again.
    pub(crate) fn note_header_change(&self) {
        self.noticed.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.accounted.load(Ordering::SeqCst) != self.noticed.load(Ordering::SeqCst)
    }

    /// Brings [`Image::current`] up to date with every notice that came before this call.
    pub(crate) async fn refresh_if_stale(&self) -> Result<(), HeaderError> {
        if !self.is_stale() {
            return Ok(());
        }
        let _single = self.refreshing.lock().await;
        let noticed = self.noticed.load(Ordering::SeqCst);
        if self.accounted.load(Ordering::SeqCst) == noticed {
            return Ok(());
        }
        let before = self.current();
        let header = load(self.store(), &self.identity, Some(&before.header)).await?;
        let view = header.view(self.snap).unwrap_or(before.view);
        let current = Current { header: Arc::new(header), view };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
        self.accounted.store(noticed, Ordering::SeqCst);
        Ok(())
    }

    pub(crate) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.client.store
    }

    /// A handle for a task of its own; `None` while the image is being dropped.
    pub(crate) fn handle(&self) -> Option<Arc<Image>> {
        self.this.upgrade()
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("id", &self.identity.id)
            .field("name", &self.identity.name)
            .field("snap", &self.snap)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}
