//! Watches and the notifications under way.
//!
//! A notification waits for each watcher of the moment it was sent: until the watcher answers, is
//! gone, or the notifier's time is up.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_channel::mpsc::UnboundedSender;
use futures_channel::oneshot;

use super::state::Identity;
use crate::watch::{Acknowledgement, Notification, NotifyOutcome, WatchEvent, Watcher};
use crate::{ClientAddress, ClientId, Errno, NotifyId, ObjectId, PoolId, WatchHandle};

/// What `rados listwatchers` shows for a watch that asked for nothing else.
const TIMEOUT_SECONDS: u32 = 30;

type Key = (ClientId, WatchHandle);

#[derive(Default)]
pub(super) struct Registry {
    objects: BTreeMap<ObjectId, BTreeMap<Key, Registration>>,
    pending: BTreeMap<NotifyId, Pending>,
    next_handle: u64,
    next_notify: u64,
}

struct Registration {
    address: ClientAddress,
    events: UnboundedSender<WatchEvent>,
}

struct Pending {
    object: ObjectId,
    waiting: BTreeSet<Key>,
    outcome: NotifyOutcome,
    done: Option<oneshot::Sender<()>>,
}

impl Registry {
    pub(super) fn add(
        &mut self,
        object: &ObjectId,
        who: &Identity,
        events: UnboundedSender<WatchEvent>,
    ) -> WatchHandle {
        self.next_handle += 1;
        let handle = WatchHandle(self.next_handle);
        let registration = Registration { address: who.address.clone(), events };
        let watchers = self.objects.entry(object.clone()).or_default();
        watchers.insert((who.client, handle), registration);
        handle
    }

    /// `ENOTCONN` when there is no such watch.
    pub(super) fn remove(&mut self, object: &ObjectId, key: Key) -> Result<(), Errno> {
        let watchers = self.objects.get_mut(object).ok_or(Errno::NOTCONN)?;
        watchers.remove(&key).ok_or(Errno::NOTCONN)?;
        if watchers.is_empty() {
            self.objects.remove(object);
        }
        self.forget(|pending, waiting| pending == object && *waiting == key);
        Ok(())
    }

    pub(super) fn is_watched(&self, object: &ObjectId) -> bool {
        self.objects.contains_key(object)
    }

    pub(super) fn list(&self, object: &ObjectId) -> Vec<Watcher> {
        let watchers = self.objects.get(object).into_iter().flatten();
        watchers
            .map(|((client, handle), registration)| Watcher {
                client: *client,
                address: registration.address.clone(),
                handle: *handle,
                timeout_seconds: TIMEOUT_SECONDS,
            })
            .collect()
    }

    /// Who watches an object, each watch once.
    pub(super) fn who(&self, object: &ObjectId) -> Vec<(ClientId, ClientAddress)> {
        let watchers = self.objects.get(object).into_iter().flatten();
        watchers.map(|(key, registration)| (key.0, registration.address.clone())).collect()
    }

    /// The object is gone: all its watches are lost.
    pub(super) fn object_removed(&mut self, object: &ObjectId) {
        for registration in self.objects.remove(object).into_iter().flatten() {
            let _ = registration.1.events.unbounded_send(WatchEvent::Lost(Errno::NOTCONN));
        }
        self.forget(|pending, _| pending == object);
    }

    /// The pool is gone with all its objects.
    pub(super) fn pool_removed(&mut self, pool: PoolId) {
        let objects = self.objects.keys().filter(|object| object.pool == pool);
        for object in objects.cloned().collect::<Vec<_>>() {
            self.object_removed(&object);
        }
    }

    /// Ends the watches of every client that `gone` picks; `tell` is what they hear.
    pub(super) fn drop_clients(
        &mut self,
        gone: impl Fn(ClientId, &ClientAddress) -> bool,
        tell: Option<Errno>,
    ) {
        let mut lost = BTreeSet::new();
        for watchers in self.objects.values_mut() {
            watchers.retain(|key, registration| {
                let ends = gone(key.0, &registration.address);
                if ends {
                    lost.insert(*key);
                    let event = tell.map(WatchEvent::Lost);
                    event.map(|event| registration.events.unbounded_send(event));
                }
                !ends
            });
        }
        self.objects.retain(|_, watchers| !watchers.is_empty());
        self.forget(|_, key| lost.contains(key));
    }

    /// Sends a notification. The receiver resolves when nobody is waited for any more.
    pub(super) fn notify(
        &mut self,
        object: &ObjectId,
        notifier: ClientId,
        payload: &Bytes,
    ) -> (NotifyId, oneshot::Receiver<()>) {
        self.next_notify += 1;
        let id = NotifyId(self.next_notify);
        let (done, receiver) = oneshot::channel();
        let mut waiting = BTreeSet::new();
        for (key, registration) in self.objects.get(object).into_iter().flatten() {
            let notification = Notification { id, notifier, payload: payload.clone() };
            // A watcher that no longer listens stays a watcher: it is waited for.
            let _ = registration.events.unbounded_send(WatchEvent::Notified(notification));
            waiting.insert(*key);
        }
        let pending = Pending {
            object: object.clone(),
            waiting,
            outcome: NotifyOutcome::default(),
            done: Some(done),
        };
        self.pending.insert(id, pending);
        self.complete();
        (id, receiver)
    }

    /// An answer that nobody waits for any more is dropped.
    pub(super) fn acknowledge(&mut self, client: ClientId, ack: Acknowledgement) {
        if let Some(pending) = self.pending.get_mut(&ack.id)
            && pending.waiting.remove(&(client, ack.handle))
        {
            pending.outcome.acks.push((client, ack.handle, ack.payload));
            self.complete();
        }
    }

    /// Ends a notification: who has not answered by now has timed out.
    pub(super) fn finish(&mut self, id: NotifyId) -> NotifyOutcome {
        let Some(pending) = self.pending.remove(&id) else { return NotifyOutcome::default() };
        let mut outcome = pending.outcome;
        outcome.timeouts = pending.waiting.into_iter().collect();
        outcome
    }

    fn forget(&mut self, gone: impl Fn(&ObjectId, &Key) -> bool) {
        for pending in self.pending.values_mut() {
            let object = &pending.object;
            pending.waiting.retain(|key| !gone(object, key));
        }
        self.complete();
    }

    fn complete(&mut self) {
        let over = self.pending.values_mut().filter(|pending| pending.waiting.is_empty());
        for done in over.filter_map(|pending| pending.done.take()) {
            let _ = done.send(());
        }
    }
}
