//! Watches and notifications: how clients of one object learn of each other.

mod table;

use bytes::Bytes;
use futures_channel::mpsc::UnboundedReceiver;
use serde::{Deserialize, Serialize};

pub use table::WatchTable;

use crate::{ClientAddress, ClientId, Errno, NotifyId, ObjectId, WatchHandle};

/// A registered watch. Dropping it does not end the registration: call `unwatch`.
#[derive(Debug)]
pub struct Watch {
    pub handle: WatchHandle,
    pub events: UnboundedReceiver<WatchEvent>,
}

/// What a watch receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchEvent {
    /// Must be acknowledged, or the notifier waits until its time-out.
    Notified(Notification),
    /// The registration is gone (blocklisted, removed object, lost connection).
    Lost(Errno),
}

/// One notification as a watcher sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    pub id: NotifyId,
    pub notifier: ClientId,
    pub payload: Bytes,
}

/// The answer to a [`Notification`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    pub object: ObjectId,
    pub handle: WatchHandle,
    pub id: NotifyId,
    pub payload: Bytes,
}

/// What a notifier learns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifyOutcome {
    pub acks: Vec<(ClientId, WatchHandle, Bytes)>,
    /// Watchers that did not answer in time.
    pub timeouts: Vec<(ClientId, WatchHandle)>,
}

/// One line of `rados listwatchers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watcher {
    pub client: ClientId,
    pub address: ClientAddress,
    pub handle: WatchHandle,
    pub timeout_seconds: u32,
}
