//! Clients that outlive the process that runs the engine.
//!
//! An engine that several processes share is owned by one of them at a time, and that one may be
//! killed. A remote client then goes on with the next owner under its old identity: it resumes its
//! session, registers its watches again and sends again what was not answered. For this each
//! change carries a number, and the engine keeps the answer of each numbered change *in the same
//! transaction as the change*: a change sent twice runs once.
//!
//! Only changes that succeeded need an answer kept: one that failed left no trace and may as well
//! run when it comes again. An engine that keeps nothing across its death (the memory engine)
//! answers every [`Sessions::resume`] with `ESTALE`.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{
    ClientId, ClusterChange, Errno, ObjectId, PoolId, Result, SnapId, Store, StoreError, Version,
    WatchHandle, WriteOp, watch::Watch,
};

/// What the owner of a store needs from its engine to serve other processes.
pub trait Sessions: Send + Sync {
    /// A client that lives and dies with this process.
    fn client(&self) -> Arc<dyn Store>;

    /// A client for `process`, with a session that later owners know.
    fn start(&self, process: ProcessMark) -> Result<Arc<dyn Session>>;

    /// Goes on with a session that an earlier owner started; `ESTALE` when it is not known.
    fn resume(&self, client: ClientId) -> Result<Arc<dyn Session>>;

    /// Sessions known from an earlier owner that nobody has resumed yet, their watches listed.
    fn dormant(&self) -> Vec<(ClientId, ProcessMark)>;

    /// Ends a session: its answers and watches are forgotten. Ending twice is no error.
    fn end(&self, client: ClientId);
}

/// One remote client of an engine.
pub trait Session: Send + Sync {
    /// The client itself, for whatever leaves nothing behind.
    fn store(&self) -> &dyn Store;

    /// Runs `change`, or yields the answer kept for `stamp.number` when it has run before.
    ///
    /// As with every call of the contract, changes of one object take effect in the order of the
    /// calls.
    fn change(&self, stamp: Stamp, change: Change) -> BoxFuture<'_, Result<Answer>>;

    /// As [`crate::Watches::watch`]; later owners list the watch until it is registered again.
    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>>;

    /// Registers a watch again under the handle that an earlier owner gave it. `ENOENT` when the
    /// object has gone.
    fn rewatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<Watch>>;

    /// As [`crate::Watches::unwatch`].
    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>>;
}

/// A process, such that another one with the same number is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessMark {
    pub pid: u32,
    /// Opaque; equal only for the same start of a process in the same boot.
    pub started: u64,
}

/// Which request of its session a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Grows with every request of a session; never 0.
    pub number: u64,
    /// The client holds the answers of all requests before this number: they can be forgotten.
    pub answered_below: u64,
}

/// A change of the store as data: every call of [`Store`] that must not run twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    Write { object: ObjectId, op: WriteOp },
    CreateSnapId { pool: PoolId },
    RemoveSnapId { pool: PoolId, snap: SnapId },
    Administer(ClusterChange),
}

/// What a [`Change`] yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Version(Version),
    SnapId(SnapId),
    Done,
}

impl Change {
    /// Runs the change on a store that keeps no answers.
    pub fn run<'a>(self, store: &'a dyn Store) -> BoxFuture<'a, Result<Answer>> {
        match self {
            Change::Write { object, op } => mapped(store.write(&object, op), Answer::Version),
            Change::CreateSnapId { pool } => mapped(store.create_snap_id(pool), Answer::SnapId),
            Change::RemoveSnapId { pool, snap } => {
                mapped(store.remove_snap_id(pool, snap), |()| Answer::Done)
            }
            Change::Administer(change) => mapped(store.administer(change), |()| Answer::Done),
        }
    }
}

/// The same future with its value wrapped; the call behind it has been made already.
fn mapped<'a, T: 'a>(
    future: BoxFuture<'a, Result<T>>,
    wrap: impl FnOnce(T) -> Answer + Send + 'a,
) -> BoxFuture<'a, Result<Answer>> {
    Box::pin(async move { future.await.map(wrap) })
}

/// The error of [`Sessions::resume`] for a session that nobody knows.
pub fn unknown_session(client: ClientId) -> StoreError {
    StoreError::new(Errno::STALE, format!("go on with the session of {client}"))
}
