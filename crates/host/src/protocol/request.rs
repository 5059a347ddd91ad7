//! What a client asks.

use bytes::Bytes;
use marcot_store::session::{Change, ProcessMark};
use marcot_store::watch::Acknowledgement;
use marcot_store::{ClientId, ListQuery, ObjectId, ReadOp, SnapId, WatchHandle};
use serde::{Deserialize, Serialize};

/// The first message of a connection, numbered 0. Answered by [`super::reply::Welcome`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The caller, so that a later owner can tell whether it still lives.
    pub process: ProcessMark,
    /// The identity that an earlier owner of the same store gave.
    pub resume: Option<ClientId>,
}

/// One call of the store traits, or one about jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    Read {
        object: ObjectId,
        snap: SnapId,
        op: ReadOp,
    },
    /// Everything that must not run twice.
    Change(Change),
    Flush,
    ListObjects(ListQuery),
    ListSnaps(ObjectId),
    Watch(ObjectId),
    /// Registers a watch of an earlier connection again.
    Rewatch {
        object: ObjectId,
        handle: WatchHandle,
    },
    Unwatch {
        object: ObjectId,
        handle: WatchHandle,
    },
    Notify {
        object: ObjectId,
        payload: Bytes,
        timeout_milliseconds: u64,
    },
    Acknowledge(Acknowledgement),
    ListWatchers(ObjectId),
    ListPools,
    ConfigKey(String),
    ListConfigKeys,
    Status,
    /// Starts a job beside the data. So many files came with the frame.
    StartJob {
        kind: String,
        body: Bytes,
        files: u8,
    },
    /// Asks a job of this connection, named by the request that started it, to end.
    StopJob(u64),
}
