//! Watches and the notifications under way, for engines that keep them in their own memory.
//!
//! A notification waits for each watcher of the moment it was sent: until the watcher answers, is
//! gone, or the notifier's time is up. A watcher that nobody speaks for at the moment (its session
//! has not been resumed yet) has nobody to tell, but is listed and waited for. No clock, no lock:
//! the engine keeps the table behind its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{Acknowledgement, Notification, NotifyOutcome, WatchEvent, Watcher};
use crate::{ClientAddress, ClientId, Errno, NotifyId, ObjectId, PoolId, WatchHandle};
use bytes::Bytes;
use futures_channel::mpsc::UnboundedSender;
use futures_channel::oneshot;

/// What `rados listwatchers` shows for a watch that asked for nothing else.
const TIMEOUT_SECONDS: u32 = 30;

type Key = (ClientId, WatchHandle);
type Events = Option<UnboundedSender<WatchEvent>>;

/// Who watches which object, and who is waited for.
#[derive(Debug, Default)]
pub struct WatchTable {
    objects: BTreeMap<ObjectId, BTreeMap<Key, Registration>>,
    pending: BTreeMap<NotifyId, Pending>,
    last_handle: u64,
    last_notify: u64,
}

#[derive(Debug)]
struct Registration {
    address: ClientAddress,
    events: Events,
}

#[derive(Debug)]
struct Pending {
    object: ObjectId,
    waiting: BTreeSet<Key>,
    outcome: NotifyOutcome,
    done: Option<oneshot::Sender<()>>,
}

impl WatchTable {
    /// Numbers notifications from a random one on: an answer to one of an earlier owner must not
    /// be taken for an answer to one of ours.
    pub fn starting_at(random: u64) -> WatchTable {
        WatchTable { last_notify: random >> 2, ..WatchTable::default() }
    }

    /// A handle that no watch of this process has.
    pub fn new_handle(&mut self) -> WatchHandle {
        self.last_handle += 1;
        WatchHandle(self.last_handle)
    }

    /// Registers a watch under a handle, in place of one that had it before.
    pub fn add(
        &mut self,
        object: &ObjectId,
        (client, address): (ClientId, ClientAddress),
        handle: WatchHandle,
        events: Events,
    ) {
        self.last_handle = self.last_handle.max(handle.0);
        let watchers = self.objects.entry(object.clone()).or_default();
        watchers.insert((client, handle), Registration { address, events });
    }

    /// `ENOTCONN` when there is no such watch.
    pub fn remove(&mut self, object: &ObjectId, key: Key) -> Result<(), Errno> {
        let watchers = self.objects.get_mut(object).ok_or(Errno::NOTCONN)?;
        watchers.remove(&key).ok_or(Errno::NOTCONN)?;
        if watchers.is_empty() {
            self.objects.remove(object);
        }
        self.forget(|pending, waiting| pending == object && *waiting == key);
        Ok(())
    }

    /// Whether anybody watches the object.
    pub fn is_watched(&self, object: &ObjectId) -> bool {
        self.objects.contains_key(object)
    }

    /// The object's watchers, by client and handle.
    pub fn list(&self, object: &ObjectId) -> Vec<Watcher> {
        let watchers = self.objects.get(object).into_iter().flatten();
        let shown = watchers.map(|((client, handle), registration)| Watcher {
            client: *client,
            address: registration.address.clone(),
            handle: *handle,
            timeout_seconds: TIMEOUT_SECONDS,
        });
        shown.collect()
    }

    /// Who watches an object, each watch once.
    pub fn who(&self, object: &ObjectId) -> Vec<(ClientId, ClientAddress)> {
        let watchers = self.objects.get(object).into_iter().flatten();
        watchers.map(|(key, registration)| (key.0, registration.address.clone())).collect()
    }

    /// The object is gone: all its watches are lost.
    pub fn object_removed(&mut self, object: &ObjectId) {
        for registration in self.objects.remove(object).into_iter().flatten() {
            tell(&registration.1, WatchEvent::Lost(Errno::NOTCONN));
        }
        self.forget(|pending, _| pending == object);
    }

    /// The pool is gone with all its objects.
    pub fn pool_removed(&mut self, pool: PoolId) {
        let objects = self.objects.keys().filter(|object| object.pool == pool);
        for object in objects.cloned().collect::<Vec<_>>() {
            self.object_removed(&object);
        }
    }

    /// Ends the watches of every client that `gone` picks; `told` is what they hear, if anything.
    pub fn drop_clients(
        &mut self,
        gone: impl Fn(ClientId, &ClientAddress) -> bool,
        told: Option<Errno>,
    ) {
        let mut lost = BTreeSet::new();
        for watchers in self.objects.values_mut() {
            watchers.retain(|key, registration| {
                let ends = gone(key.0, &registration.address);
                if ends {
                    lost.insert(*key);
                    told.into_iter().for_each(|errno| tell(registration, WatchEvent::Lost(errno)));
                }
                !ends
            });
        }
        self.objects.retain(|_, watchers| !watchers.is_empty());
        self.forget(|_, key| lost.contains(key));
    }

    /// Sends a notification. The receiver resolves when nobody is waited for any more.
    pub fn notify(
        &mut self,
        object: &ObjectId,
        notifier: ClientId,
        payload: &Bytes,
    ) -> (NotifyId, oneshot::Receiver<()>) {
        self.last_notify += 1;
        let id = NotifyId(self.last_notify);
        let (done, receiver) = oneshot::channel();
        let mut waiting = BTreeSet::new();
        for (key, registration) in self.objects.get(object).into_iter().flatten() {
            let notification = Notification { id, notifier, payload: payload.clone() };
            tell(registration, WatchEvent::Notified(notification));
            waiting.insert(*key);
        }
        let (object, outcome) = (object.clone(), NotifyOutcome::default());
        self.pending.insert(id, Pending { object, waiting, outcome, done: Some(done) });
        self.complete();
        (id, receiver)
    }

    /// An answer that nobody waits for any more is dropped.
    pub fn acknowledge(&mut self, client: ClientId, ack: Acknowledgement) {
        if let Some(pending) = self.pending.get_mut(&ack.id)
            && pending.waiting.remove(&(client, ack.handle))
        {
            pending.outcome.acks.push((client, ack.handle, ack.payload));
            self.complete();
        }
    }

    /// Ends a notification: who has not answered by now has timed out.
    pub fn finish(&mut self, id: NotifyId) -> NotifyOutcome {
        let Some(pending) = self.pending.remove(&id) else { return NotifyOutcome::default() };
        NotifyOutcome { timeouts: pending.waiting.into_iter().collect(), ..pending.outcome }
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

/// A watcher that no longer listens stays a watcher: it is waited for.
fn tell(registration: &Registration, event: WatchEvent) {
    if let Some(events) = &registration.events {
        let _ = events.unbounded_send(event);
    }
}
