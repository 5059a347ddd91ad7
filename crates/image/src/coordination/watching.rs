//! The watch on the header: registered by every handle that may write, and answered promptly.
//!
//! A watch that is lost is registered anew, as often as it takes. Until then nobody tells of changes,
//! and every operation reads the header again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use marcot_format::Encode;
use marcot_format::call::lock::Unlock;
use marcot_format::lock::{RBD_LOCK, auto_cookie};
use marcot_format::notify::{AsyncRequest, NotifyMessage, NotifyResponse};
use marcot_store::watch::{Acknowledgement, Notification, Watch, WatchEvent};
use marcot_store::{Errno, ObjectId, Result, StoreError, WatchHandle};

use super::notify::{number_of, result_of};
use super::request::request_id;
use super::{OwnerRequest, delegate};
use crate::class_call::tell;
use crate::client::Client;
use crate::image::Image;

/// Before the second attempt to register a lost watch anew; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(16);

/// The image's watch.
#[derive(Debug, Default)]
pub(super) struct Watching {
    state: Mutex<State>,
    /// The same as [`State::Lost`]; written under the lock, read without it by every request.
    lost: AtomicBool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Never begun, or ended.
    #[default]
    Not,
    Registered(WatchHandle),
    /// And could not be registered anew at once.
    Lost(WatchHandle),
}

impl State {
    fn was(self, handle: WatchHandle) -> bool {
        self == State::Registered(handle) || self == State::Lost(handle)
    }
}

impl Watching {
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }

    pub(super) fn handle(&self) -> Option<WatchHandle> {
        match *self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Registered(handle) => Some(handle),
            State::Not | State::Lost(_) => None,
        }
    }

    /// Goes on with what `next` makes of the state; yields what it was.
    fn change(&self, next: impl FnOnce(State) -> State) -> State {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *state;
        *state = next(before);
        self.lost.store(matches!(*state, State::Lost(_)), Ordering::SeqCst);
        before
    }
}

impl Image {
    /// Answers a watch of the header in a task of its own.
    pub(crate) fn answer_watch(self: &Arc<Self>, watch: Watch) {
        self.coordination().watch.change(|_| State::Registered(watch.handle));
        let image = Arc::downgrade(self);
        let object = self.header_object().clone();
        let task = answer(image, watch, self.client().clone(), object);
        self.client().env.spawn(Box::pin(task));
    }

    /// Ends the watch.
    pub(crate) async fn stop_watching(&self) -> Result<()> {
        let State::Registered(handle) = self.coordination().watch.change(|_| State::Not) else {
            return Ok(());
        };
        match self.store().unwatch(self.header_object(), handle).await {
            // The image was removed, or the watch lost before.
            Err(StoreError { errno: Errno::NOENT | Errno::NOTCONN, .. }) => Ok(()),
            other => other,
        }
    }

    /// Registers a watch in place of a lost one. Whether nothing is left to do.
    async fn watch_anew(self: &Arc<Self>, lost: WatchHandle) -> bool {
        let watching = &self.coordination().watch;
        match self.store().watch(self.header_object()).await {
            Ok(watch) => {
                let new = State::Registered(watch.handle);
                let before = watching.change(|was| if was.was(lost) { new } else { was });
                if !before.was(lost) {
                    // The image was closed meanwhile.
                    let _ = self.store().unwatch(self.header_object(), watch.handle).await;
                    return true;
                }
                self.answer_watch(watch);
                // What was told since the other one was lost nobody has heard.
                self.note_header_change();
                // The lock's cookie names the old watch.
                self.renew_lock_cookie(lost).await;
                true
            }
            Err(error) => {
                let removed = error.errno == Errno::NOENT;
                let next = if removed { State::Not } else { State::Lost(lost) };
                let before = watching.change(|was| if was.was(lost) { next } else { was });
                if before == State::Registered(lost) {
                    tracing::warn!(%error, image = ?self, "header cannot be watched");
                }
                removed || !before.was(lost)
            }
        }
    }

    async fn answer_notification(self: &Arc<Self>, handle: WatchHandle, note: Notification) {
        let response = match NotifyMessage::from_payload(&note.payload) {
            Ok(message) => self.react(message).await,
            Err(error) => {
                tracing::warn!(%error, "unreadable notification");
                None
            }
        };
        let payload = response.map(|response| response.to_bytes()).unwrap_or_default();
        let object = self.header_object().clone();
        let ack = Acknowledgement { object, handle, id: note.id, payload: payload.into() };
        if let Err(error) = self.store().acknowledge(ack).await {
            tracing::debug!(%error, "a notification was not acknowledged");
        }
    }

    /// Does what a message asks for; yields what to answer, if anything.
    async fn react(self: &Arc<Self>, message: NotifyMessage) -> Option<NotifyResponse> {
        if let Some(request) = request_id(&message) {
            return self.react_to_request(request, message);
        }
        match message {
            NotifyMessage::HeaderUpdate => {
                self.note_header_change();
                // Writes that began with the old snapshot context must not land after the
                // notifier goes on.
                drop(self.writes().close().await);
            }
            NotifyMessage::ReleasedLock(_) => self.coordination().lock.note_released(),
            NotifyMessage::RequestLock { client, .. } if client != self.image_client() => {
                return self.lock_requested();
            }
            NotifyMessage::AsyncProgress { request, offset, total } => {
                self.tell_asker(request, delegate::News::Progress { done: offset, total });
            }
            NotifyMessage::AsyncComplete { request, result } => {
                self.tell_asker(request, delegate::News::Complete(result_of(result)));
            }
            NotifyMessage::Quiesce(_) | NotifyMessage::Unquiesce(_) => {
                return Some(NotifyResponse { result: 0 });
            }
            _ => {}
        }
        None
    }

    /// Only the owner of the lock answers requests.
    fn react_to_request(
        self: &Arc<Self>,
        id: AsyncRequest,
        message: NotifyMessage,
    ) -> Option<NotifyResponse> {
        if !self.coordination().is_lock_owner() {
            return None;
        }
        let result = match OwnerRequest::of(message) {
            Some((id, request)) => {
                self.serve(id, request);
                Ok(())
            }
            None => {
                tracing::debug!(?id, "a request that is not served");
                Err(Errno::OPNOTSUPP)
            }
        };
        Some(NotifyResponse { result: number_of(result) })
    }
}

/// Answers a watch until it ends or the image is gone.
async fn answer(weak: Weak<Image>, watch: Watch, client: Client, object: ObjectId) {
    let Watch { handle, mut events } = watch;
    while let Some(event) = events.next().await {
        let Some(image) = weak.upgrade() else {
            // Dropped without having been closed: nobody must wait for it.
            if let WatchEvent::Notified(Notification { id, .. }) = event {
                let ack =
                    Acknowledgement { object: object.clone(), handle, id, payload: Bytes::new() };
                let _ = client.store.acknowledge(ack).await;
            }
            continue;
        };
        match event {
            WatchEvent::Notified(note) => {
                let task = Arc::clone(&image);
                image.client().env.spawn(Box::pin(async move {
                    task.answer_notification(handle, note).await;
                }));
            }
            WatchEvent::Lost(errno) => {
                tracing::debug!(%errno, ?image, "header watch lost");
                image.note_header_change();
                drop(image);
                return watch_until_it_works(weak, client, handle).await;
            }
        }
    }
}

/// Registers a watch in place of a lost one, unless the image is closed or gone.
async fn watch_until_it_works(image: Weak<Image>, client: Client, lost: WatchHandle) {
    let mut pause = FIRST_PAUSE;
    while let Some(image) = image.upgrade()
        && image.coordination().watch.change(|same| same).was(lost)
        && !image.watch_anew(lost).await
    {
        drop(image);
        client.env.sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// An image that is dropped without having been closed lets go of its lock and its watch as soon
/// as somebody runs the task: its client lives on and must not be taken for dead.
impl Drop for Image {
    fn drop(&mut self) {
        let Some(handle) = self.coordination().watch_handle() else { return };
        let owner = self.coordination().is_lock_owner();
        let (client, object) = (self.client().clone(), self.header_object().clone());
        let object_map = self.current().object_map.clone();
        let env = Arc::clone(&client.env);
        env.spawn(Box::pin(async move {
            if let Some(map) = object_map {
                let _ = map.close().await;
            }
            if owner {
                let cookie = auto_cookie(handle.0);
                let unlock = Unlock { name: RBD_LOCK.to_owned(), cookie };
                let _ = tell(&*client.store, &object, &unlock).await;
            }
            if let Err(error) = client.store.unwatch(&object, handle).await {
                tracing::debug!(%error, "the watch of a dropped image was not ended");
            }
        }));
    }
}
