//! The exclusive lock: one client at a time writes an image that has the feature.
//!
//! Taken at the first write or verb, kept until somebody asks for it or the image closes. The lock
//! is an advisory one on the header; its cookie names the owner's watch, so that others can see
//! whether the owner lives. Writes check that the lock is held after they went through the
//! image's gate; giving the lock back closes that gate first. One task at a time takes or gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{join3, ready, select};
use marcot_format::Utime;
use marcot_format::call::lock::{Lock, SetCookie, Unlock};
use marcot_format::features::Features;
use marcot_format::lock::{INTERNAL_TAG, LockKind, RBD_LOCK, auto_cookie};
use marcot_format::notify::{NotifyMessage, NotifyResponse};
use marcot_store::{Errno, StoreError, WatchHandle};

use super::eviction::Holder;
use super::notify::owner_answer;
use super::signal::Signal;
use crate::class_call::{CallError, tell};
use crate::header::HeaderError;
use crate::image::Image;
use crate::io::{Gate, Inside};

/// How long to wait for the owner's word that the lock is free before looking again.
const PATIENCE: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct ExclusiveLock {
    owner: AtomicBool,
    /// Held by the task that takes the lock or gives it back.
    changing: futures_util::lock::Mutex<()>,
    /// Verbs of the owner are inside; giving back waits for them.
    verbs: Gate,
    released: Signal,
    release_asked: AtomicBool,
}

/// Why the exclusive lock could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    #[error("image {image} is locked by {locker}; `rbd lock ls` shows it")]
    HeldByUser { image: Arc<str>, locker: String },
    #[error("the owner of the lock of image {image} refused to give it back: {errno}")]
    Refused { image: Arc<str>, errno: Errno },
    #[error(
        "image {image} is locked by {locker}, who is silent and cannot be looked for: {why}; if it \
         has ended for sure, break its lock with `rbd lock rm` (`rbd lock ls` shows it)"
    )]
    Silent { image: Arc<str>, locker: String, why: StoreError },
    #[error("image {image} is not watched any more and cannot be locked; open it again")]
    NotWatched { image: Arc<str> },
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LockError {
    pub fn errno(&self) -> Errno {
        match self {
            LockError::HeldByUser { .. } => Errno::BUSY,
            LockError::Refused { errno, .. } => *errno,
            LockError::Silent { why, .. } => why.errno,
            LockError::NotWatched { .. } => Errno::SHUTDOWN,
            LockError::Call(error) => error.errno(),
            LockError::Header(error) => error.errno(),
            LockError::Store(error) => error.errno,
        }
    }

    /// What a verb answers: as in Ceph, an image that somebody locked by hand is read-only to it.
    pub(crate) fn errno_of_verb(&self) -> Errno {
        match self {
            LockError::HeldByUser { .. } => Errno::ROFS,
            other => other.errno(),
        }
    }
}

/// What to do while a living client owns the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhileOwned {
    /// Ask for it and wait.
    Request,
    /// Leave it there.
    Leave,
}

/// Who owns the lock after an attempt to take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    Here,
    Elsewhere,
}

impl ExclusiveLock {
    pub(super) fn is_owner(&self) -> bool {
        self.owner.load(Ordering::SeqCst)
    }

    pub(super) fn note_released(&self) {
        self.released.raise();
    }
}

impl Image {
    /// Takes the lock and keeps it until the guard goes: for a verb. `None` when a living client
    /// has it and is to keep it. Images without the feature have nothing to take.
    ///
    /// Not to be called again while a guard lives: giving the lock back waits for the first.
    pub(crate) async fn hold_lock(
        &self,
        owned: WhileOwned,
    ) -> Result<Option<Inside<'_>>, LockError> {
        loop {
            let inside = self.coordination().lock.verbs.enter().await;
            let shared = !self.header().features.contains(Features::EXCLUSIVE_LOCK);
            if shared || self.coordination().is_lock_owner() {
                return Ok(Some(inside));
            }
            drop(inside);
            if self.acquire_lock(owned).await? == Ownership::Elsewhere {
                return Ok(None);
            }
        }
    }

    /// Takes the lock, unless this handle has it.
    pub(crate) async fn acquire_lock(&self, owned: WhileOwned) -> Result<Ownership, LockError> {
        let lock = &self.coordination().lock;
        if lock.is_owner() {
            return Ok(Ownership::Here);
        }
        let _single = lock.changing.lock().await;
        while !lock.is_owner() {
            let seen = lock.released.count();
            match self.try_lock().await? {
                None => {}
                Some(Holder::Gone) => {}
                Some(Holder::Dead(holder)) => self.evict(holder).await?,
                Some(Holder::User(locker)) => {
                    return Err(LockError::HeldByUser { image: self.name(), locker });
                }
                Some(Holder::Alive) if owned == WhileOwned::Leave => {
                    return Ok(Ownership::Elsewhere);
                }
                Some(Holder::Alive) => self.request_lock(seen).await?,
            }
        }
        Ok(Ownership::Here)
    }

    /// Gives the lock back after the verbs and writes in flight, if this handle has it.
    pub(crate) async fn release_lock(&self) -> Result<(), LockError> {
        self.release_lock_then(ready(Ok(()))).await
    }

    /// The same, and sends `last` right behind it.
    ///
    /// The object map's lock and the image's go at once. Who comes next and finds the map's still
    /// there takes it for a dead client's and breaks it, which is no loss any more.
    pub(crate) async fn release_lock_then(
        &self,
        last: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), LockError> {
        let lock = &self.coordination().lock;
        let _single = lock.changing.lock().await;
        if !lock.is_owner() {
            return Ok(last.await?);
        }
        let _verbs = lock.verbs.close().await;
        let _writes = self.writes().close().await;
        lock.owner.store(false, Ordering::SeqCst);
        let released = NotifyMessage::ReleasedLock(self.image_client());
        let cookie = self.lock_cookie();
        let unlocking = async {
            let unlock = Unlock { name: RBD_LOCK.to_owned(), cookie: cookie? };
            match tell(self.store(), self.header_object(), &unlock).await {
                Err(error) if error.is_not_found() => Ok(()),
                other => Ok(other?),
            }
        };
        let map = self.forget_object_map().await;
        let closing = async {
            match map {
                Some(map) => Ok(map.close().await?),
                None => Ok(()),
            }
        };
        let (closed, unlocked, last) = join3(closing, unlocking, last).await;
        if unlocked.is_ok() {
            self.announce(released);
        }
        closed.and(unlocked).and(last.map_err(LockError::from))
    }

    /// Somebody asks for the lock: it is given back in a task of its own.
    pub(super) fn lock_requested(&self) -> Option<NotifyResponse> {
        let lock = &self.coordination().lock;
        if !lock.is_owner() {
            return None;
        }
        let first = !lock.release_asked.swap(true, Ordering::SeqCst);
        if let (true, Some(image)) = (first, self.handle()) {
            self.client().env.spawn(Box::pin(async move {
                if let Err(error) = image.release_lock().await {
                    tracing::warn!(%error, "exclusive lock not given back");
                }
                image.coordination().lock.release_asked.store(false, Ordering::SeqCst);
            }));
        }
        Some(NotifyResponse { result: 0 })
    }

    /// After the watch was registered anew: the lock must name the new one.
    pub(super) async fn renew_lock_cookie(&self, lost: WatchHandle) {
        let lock = &self.coordination().lock;
        let _single = lock.changing.lock().await;
        let (true, Ok(new_cookie)) = (lock.is_owner(), self.lock_cookie()) else { return };
        if new_cookie == auto_cookie(lost.0) {
            return;
        }
        let call = SetCookie {
            name: RBD_LOCK.to_owned(),
            kind: LockKind::Exclusive,
            cookie: auto_cookie(lost.0),
            tag: INTERNAL_TAG.to_owned(),
            new_cookie,
        };
        if let Err(error) = tell(self.store(), self.header_object(), &call).await {
            tracing::warn!(%error, "exclusive lock lost with the watch");
            // The next write takes the lock again, or learns that this client was shut out.
            let _writes = self.writes().close().await;
            lock.owner.store(false, Ordering::SeqCst);
            self.forget_object_map().await;
        }
    }

    /// `None` when the lock was taken, else who has it.
    async fn try_lock(&self) -> Result<Option<Holder>, LockError> {
        let lock = Lock {
            name: RBD_LOCK.to_owned(),
            kind: LockKind::Exclusive,
            cookie: self.lock_cookie()?,
            tag: INTERNAL_TAG.to_owned(),
            description: String::new(),
            duration: Utime::default(),
            flags: 0,
        };
        let taking = async {
            match tell(self.store(), self.header_object(), &lock).await {
                Err(error) if error.errno() == Errno::EXIST => Ok(()),
                other => other,
            }
        };
        // Once it is taken, what was read before may be stale, and the object map is ours.
        let owner = &self.coordination().lock.owner;
        let refreshed = self.refresh_behind(taking, || owner.store(true, Ordering::SeqCst)).await;
        match refreshed {
            Ok(Ok(())) => {
                self.announce(NotifyMessage::AcquiredLock(self.image_client()));
                Ok(None)
            }
            Ok(Err(error)) => {
                owner.store(false, Ordering::SeqCst);
                let unlock = Unlock { name: RBD_LOCK.to_owned(), cookie: self.lock_cookie()? };
                tell(self.store(), self.header_object(), &unlock).await?;
                Err(error.into())
            }
            Err(error) if error.errno() == Errno::BUSY => self.find_holder().await.map(Some),
            Err(error) => Err(error.into()),
        }
    }

    async fn request_lock(&self, seen: u64) -> Result<(), LockError> {
        let message = NotifyMessage::RequestLock { client: self.image_client(), force: false };
        match self.notify(&message).await {
            Ok(outcome) => {
                if let Some(Err(errno)) = owner_answer(&outcome)
                    && errno != Errno::AGAIN
                {
                    return Err(LockError::Refused { image: self.name(), errno });
                }
            }
            Err(error) if error.errno == Errno::TIMEDOUT => {}
            Err(error) => return Err(error.into()),
        }
        let released = std::pin::pin!(self.coordination().lock.released.after(seen));
        select(released, self.client().env.sleep(PATIENCE)).await;
        Ok(())
    }

    fn lock_cookie(&self) -> Result<String, LockError> {
        match self.coordination().watch_handle() {
            Some(handle) => Ok(auto_cookie(handle.0)),
            None => Err(LockError::NotWatched { image: self.name() }),
        }
    }
}
