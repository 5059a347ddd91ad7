//! What an owner answers and what it sends unasked.

use bytes::Bytes;
use marcot_store::session::Answer;
use marcot_store::watch::{NotifyOutcome, WatchEvent, Watcher};
use marcot_store::{
    Capabilities, ClientAddress, ClientId, ClusterStatus, ObjectPage, PoolInfo, ReadResult,
    SnapSet, StoreError, WatchHandle,
};
use serde::{Deserialize, Serialize};

/// The answer to a [`super::request::Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Welcome {
    Client {
        client: ClientId,
        address: ClientAddress,
        capabilities: Capabilities,
        /// The owner's process.
        pid: u32,
    },
    /// The session is not known, or the owner takes no more clients.
    Refused(StoreError),
}

/// Everything that follows the welcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Answers the request of the frame's number.
    Reply(Result<Reply, StoreError>),
    /// A watch of this client received something.
    Event { handle: WatchHandle, event: WatchEvent },
    /// The job that the request of the frame's number started has ended.
    JobEnded(Result<Bytes, StoreError>),
    /// Requests are under way: the owner lives.
    Alive,
}

/// What a request yields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    Done,
    Read(Vec<ReadResult>),
    Changed(Answer),
    Objects(ObjectPage),
    Snaps(SnapSet),
    Watching(WatchHandle),
    Notified(NotifyOutcome),
    Watchers(Vec<Watcher>),
    Pools(Vec<PoolInfo>),
    ConfigKey(Bytes),
    ConfigKeys(Vec<String>),
    Status(ClusterStatus),
    /// The job runs; what it says about itself.
    JobStarted(Bytes),
}
