//! The handle of an opened image.
//!
//! What is known of the image is one [`Current`] value behind an `Arc`, replaced whole by
//! [`Image::refresh`]; every operation takes the value once and works with it to its end. A
//! notification only marks it stale; the next operation refreshes. No lock is held across an
//! await except the one that lets a single task refresh.

mod open;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use futures_util::TryFutureExt;
use futures_util::future::{join, try_join};
use marcot_format::features::{Features, Flags};
use marcot_format::object_map::{ObjectMap as States, ObjectState};
use marcot_store::{Errno, ObjectId, SnapId, Store, StoreError, WriteOp, WriteStep};

use crate::class_call::CallError;
use crate::client::{Access, Client, ImageKey, Location, SnapKey};
use crate::config::Config;
use crate::config::overrides::image_config;
use crate::coordination::{Coordination, LockError};
use crate::header::{Header, HeaderError, Identity, SnapView, load};
use crate::io::{Absences, Gate, IoError, ObjectGates};
use crate::layering::Ancestry;
use crate::object_map::ObjectMap;
use crate::once::AsyncOnce;
use crate::timestamps::{self, Recorded};

pub use open::OpenError;
pub(crate) use open::identify;

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
    /// Every write in flight is inside.
    writes: Gate,
    objects: ObjectGates,
    coordination: Coordination,
    accessed: Recorded,
    modified: Recorded,
    /// The journal, if there is one, was looked at and has nothing that is not in the image.
    journal_seen: AtomicBool,
    absences: Absences,
}

/// How to open an image.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    pub image: ImageKey,
    pub snap: SnapKey,
    pub access: Access,
}

impl OpenOptions {
    /// The head of an image.
    pub fn key(image: ImageKey, access: Access) -> OpenOptions {
        OpenOptions { image, snap: SnapKey::Head, access }
    }

    /// The head of the image called `name`.
    pub fn name(name: impl Into<String>, access: Access) -> OpenOptions {
        OpenOptions::key(ImageKey::Name(name.into()), access)
    }

    /// The head of the image with that id.
    pub fn id(id: impl Into<String>, access: Access) -> OpenOptions {
        OpenOptions::key(ImageKey::Id(id.into()), access)
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
    /// The opened snapshot is gone.
    pub(crate) removed: bool,
    /// The options as they hold for this image.
    pub(crate) config: Arc<Config>,
    /// The head's, while this handle owns the exclusive lock.
    pub(crate) object_map: Option<Arc<ObjectMap>>,
    /// The opened snapshot's, from its first read; none when there is none to rely on.
    pub(crate) snapshot_map: Arc<AsyncOnce<Option<Arc<States>>>>,
    /// The table of this parent's ancestors, from the first read that misses.
    pub(crate) ancestry: Arc<AsyncOnce<Arc<Ancestry>>>,
}

impl Current {
    /// What an image looks like that was just opened.
    fn opened(header: Header, view: SnapView, config: Arc<Config>) -> Current {
        let header = Arc::new(header);
        Current {
            header,
            view,
            removed: false,
            config,
            object_map: None,
            snapshot_map: Arc::default(),
            ancestry: Arc::default(),
        }
    }

    /// What the map of the head or of the opened snapshot says of an object.
    pub(crate) fn mapped_state(&self, number: u64) -> Option<ObjectState> {
        match &self.object_map {
            Some(map) => map.state(number),
            None => self.snapshot_map.get()?.as_ref()?.get(number),
        }
    }

    /// Whether the object map may be relied on.
    pub(crate) fn object_map_trusted(&self) -> bool {
        !self.view.flags.contains(Flags::OBJECT_MAP_INVALID)
    }
}

/// Why an image did not close cleanly. It is closed nevertheless.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("close image {image}: {source}")]
pub struct CloseError {
    pub image: Arc<str>,
    pub source: LockError,
}

impl CloseError {
    pub fn errno(&self) -> Errno {
        self.source.errno()
    }
}

impl Image {
    /// Opens an image.
    pub async fn open(
        client: &Client,
        at: &Location,
        options: OpenOptions,
    ) -> Result<Arc<Image>, OpenError> {
        let identity = identify(client, at, &options.image).await?;
        let (current, watch) = open::read_and_watch(client, &identity, &options).await?;
        let times = (current.header.accessed, current.header.modified);
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
            writes: Gate::default(),
            objects: ObjectGates::default(),
            coordination: Coordination::default(),
            accessed: Recorded::new(times.0),
            modified: Recorded::new(times.1),
            journal_seen: AtomicBool::new(false),
            absences: Absences::default(),
        });
        if let Some(watch) = watch {
            image.answer_watch(watch);
        }
        Ok(image)
    }

    /// Makes everything written durable, gives the lock back and forgets the image. The handle
    /// must not be used afterwards.
    pub async fn close(&self) -> Result<(), CloseError> {
        let left = self.leave().await;
        if !self.is_writable() {
            return left;
        }
        let flushed = self.store().flush().await.map_err(LockError::from);
        left.and(flushed.map_err(|source| CloseError { image: self.name(), source }))
    }

    /// The same, but makes nothing durable: by who goes on changing other things.
    pub(crate) async fn leave(&self) -> Result<(), CloseError> {
        if !self.is_writable() {
            return Ok(());
        }
        let released = self.release_lock_then(self.stop_watching()).await;
        released.map_err(|source| CloseError { image: self.name(), source })
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

    /// The options as they hold for this image, as last read.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.current().config)
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

    /// While changes by others go unnoticed, each operation takes the header for changed.
    pub(crate) fn distrust_unwatched(&self) {
        if self.coordination.is_unwatched() {
            self.note_header_change();
        }
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
        let read = self.read_again(&before).await?;
        self.go_on_with(read, &before, noticed).await
    }

    /// Sends `change`, an operation on the header that makes what is known of it stale, and right
    /// behind it, without waiting, what reads the header again: the two keep their order. `made` runs
    /// between: when the change was made, before the image goes on with what was read.
    ///
    /// The outer error is the change's, and then nothing was refreshed.
    pub(crate) async fn refresh_behind<E>(
        &self,
        change: impl Future<Output = Result<(), E>>,
        made: impl FnOnce(),
    ) -> Result<Result<(), HeaderError>, E> {
        let _single = self.refreshing.lock().await;
        self.note_header_change();
        let noticed = self.noticed.load(Ordering::SeqCst);
        let before = self.current();
        let (changed, read) = join(change, self.read_again(&before)).await;
        changed?;
        made();
        Ok(match read {
            Ok(read) => self.go_on_with(read, &before, noticed).await,
            Err(error) => Err(error),
        })
    }

    async fn read_again(&self, before: &Current) -> Result<(Header, Arc<Config>), HeaderError> {
        try_join(
            load(self.store(), &self.identity, Some(&before.header)).err_into::<HeaderError>(),
            image_config(&self.client, self.identity.location.pool, self.header_object())
                .err_into(),
        )
        .await
    }

    /// Replaces what is known of the image; the caller keeps others from refreshing.
    async fn go_on_with(
        &self,
        (header, config): (Header, Arc<Config>),
        before: &Current,
        noticed: u64,
    ) -> Result<(), HeaderError> {
        let object_map = self.object_map_for(&header, before).await?;
        let view = header.view(self.snap);
        let same_parent = match (&header.parent, &before.header.parent) {
            (Some(now), Some(then)) => now.spec == then.spec,
            _ => false,
        };
        let slot = before.ancestry.get();
        let wrong = slot.is_some_and(|table| !self.client.shared.ancestries.is_in_use(table));
        self.replace_current(Current {
            header: Arc::new(header),
            view: view.unwrap_or(before.view),
            removed: view.is_none(),
            config,
            object_map,
            // What was the parent's may be the snapshot's own by now.
            snapshot_map: Arc::default(),
            ancestry: match same_parent && !wrong {
                true => Arc::clone(&before.ancestry),
                false => Arc::default(),
            },
        });
        self.accounted.store(noticed, Ordering::SeqCst);
        Ok(())
    }

    /// The object map to go on with under a new header: only the lock's owner has one.
    async fn object_map_for(
        &self,
        header: &Header,
        before: &Current,
    ) -> Result<Option<Arc<ObjectMap>>, CallError> {
        let wanted = self.coordination.is_lock_owner()
            && self.snap == SnapId::HEAD
            && header.features.contains(Features::OBJECT_MAP);
        match (wanted, &before.object_map) {
            (true, Some(map)) if !map.is_given_up() => Ok(Some(Arc::clone(map))),
            (true, _) => {
                let opened = ObjectMap::open(&self.client.store, header).await?;
                Ok(opened.map(Arc::new))
            }
            (false, Some(map)) => map.close().await.map(|()| None),
            (false, None) => Ok(None),
        }
    }

    /// Goes on without an object map; yields the one there was.
    pub(crate) async fn forget_object_map(&self) -> Option<Arc<ObjectMap>> {
        let _single = self.refreshing.lock().await;
        let before = self.current();
        let map = before.object_map.clone()?;
        self.replace_current(Current {
            header: Arc::clone(&before.header),
            view: before.view,
            removed: before.removed,
            config: Arc::clone(&before.config),
            object_map: None,
            snapshot_map: Arc::clone(&before.snapshot_map),
            ancestry: Arc::clone(&before.ancestry),
        });
        Some(map)
    }

    fn replace_current(&self, current: Current) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
    }

    /// What is known of the image, after every notice that came before this call.
    pub(crate) async fn fresh(&self) -> Result<Arc<Current>, IoError> {
        self.distrust_unwatched();
        if self.is_stale() {
            self.refresh_if_stale().await?;
        }
        let current = self.current();
        if current.removed {
            return Err(IoError::Removed { image: self.name() });
        }
        Ok(current)
    }

    pub(crate) fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The image's name as it was when it was opened.
    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&self.identity.name)
    }

    pub(crate) fn coordination(&self) -> &Coordination {
        &self.coordination
    }

    pub(crate) fn writes(&self) -> &Gate {
        &self.writes
    }

    pub(crate) fn absences(&self) -> &Absences {
        &self.absences
    }

    pub(crate) fn journal_seen(&self) -> &AtomicBool {
        &self.journal_seen
    }

    pub(crate) fn object_gates(&self) -> &ObjectGates {
        &self.objects
    }

    /// Says in the header, now and then, that the image is read.
    pub(crate) async fn note_access(&self, config: &Config) {
        let header = &self.header_object;
        timestamps::note_access(&self.client, config, header, &self.accessed).await;
    }

    /// Says in the header, now and then, that the image is changed.
    pub(crate) async fn note_change(&self, config: &Config) {
        let header = &self.header_object;
        timestamps::note_change(&self.client, config, header, &self.modified).await;
    }

    /// Changes the header object. In order, durable with the next flush.
    pub(crate) async fn change_header(&self, step: WriteStep) -> Result<(), StoreError> {
        let op = WriteOp::new(vec![step]).ordered();
        self.store().write(&self.header_object, op).await.map(drop)
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
