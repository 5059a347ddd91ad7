//! The store contract: RADOS-shaped objects, with operations as data.
//!
//! An object has data, extended attributes and an omap (a sorted map of byte keys). One operation
//! on one object is atomic; nothing is atomic across objects. Snapshots are self-managed: a writer
//! sends its [`SnapContext`], a reader names a [`SnapId`]. Object classes ([`class`]) run beside
//! the data. This crate knows nothing of images; engines implement it, the image layer is written
//! against it, and the conformance suite in `testkit` defines what every engine must do.
//!
//! What holds on every engine:
//! * order holds per object only, beginning and ending a watch included: un-awaited operations on
//!   different objects may be reordered;
//! * the steps of one operation read the object's content as it was before the operation
//!   (existence and size, as RADOS has it, are those after the steps before);
//! * a write yields success or an errno, never data;
//! * the first failing step fails the whole operation, and then nothing has changed.
//!
//! Futures are `Send`, need no particular runtime, and a submitted operation always completes.

pub mod change;
pub mod checked;
pub mod class;
pub mod env;
pub mod errand;
mod error;
mod ids;
pub mod memory;
pub mod op;
pub mod ranges;
pub mod release;
pub mod session;
pub mod snapset;
pub mod watch;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use env::Env;
pub use error::{Errno, StoreError};
pub use ids::{
    ClientAddress, ClientId, NotifyId, ObjectId, PoolId, SnapContext, SnapId, Version, WatchHandle,
};
pub use op::{Durability, ReadOp, ReadResult, ReadStep, WriteOp, WriteStep};

/// What every call of this crate answers.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// One client of one store: what engines implement and front ends are handed.
///
/// Two clients of one engine are two values: they have their own [`ClientId`], watches and locks.
pub trait Store: Objects + Snapshots + Watches + Cluster {
    /// This client's identity, as watchers and lock holders see it.
    fn client_id(&self) -> ClientId;

    /// This client's address in the fixed form `127.0.0.1:0/NONCE`.
    fn client_address(&self) -> ClientAddress;

    /// What this engine can do beyond the contract's minimum.
    fn capabilities(&self) -> Capabilities;
}

/// Abilities that an engine may declare; they change speed, never what is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Capabilities {
    pub copyup: Copyups,
    /// Smallest discard, in bytes, that gives space back.
    pub discard_granularity_bytes: u64,
}

/// What an engine makes of [`WriteStep::CopyupFrom`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Copyups {
    /// `EOPNOTSUPP`: the caller reads and sends the bytes.
    #[default]
    Refused,
    /// It moves the bytes itself, when the step is the only one of its operation (otherwise
    /// `EOPNOTSUPP`). Doing it twice costs as much as doing it twice.
    Alone,
    /// It takes the source's blocks over by reference, whatever else the operation does.
    ByReference,
}

/// Reading and changing objects.
pub trait Objects: Send + Sync {
    /// Runs the steps of `op` on `object` as it was at `snap` ([`SnapId::HEAD`] for now).
    ///
    /// Yields one result per step. `ENOENT` when the object does not exist at that snapshot.
    fn read(
        &self,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'_, Result<Vec<ReadResult>>>;

    /// Runs the steps of `op` on the head of `object`, all or none.
    fn write(&self, object: &ObjectId, op: WriteOp) -> BoxFuture<'_, Result<Version>>;

    /// Makes every write acknowledged before this call durable.
    fn flush(&self) -> BoxFuture<'_, Result<()>>;

    /// The objects of a pool, in an order of the engine's choosing, a page at a time. As in RADOS,
    /// a removed object of which clones are left is still listed.
    fn list_objects(&self, query: ListQuery) -> BoxFuture<'_, Result<ObjectPage>>;

    /// The clones of `object` with the snapshots they serve (`rados listsnaps`).
    fn list_snaps(&self, object: &ObjectId) -> BoxFuture<'_, Result<SnapSet>>;
}

/// Self-managed snapshot ids of a pool.
pub trait Snapshots: Send + Sync {
    /// A new snapshot id, greater than any the pool has given before. Durable at the latest with the
    /// first durable operation after it: an id that a power cut takes back was used for nothing that
    /// is left.
    fn create_snap_id(&self, pool: PoolId) -> BoxFuture<'_, Result<SnapId>>;

    /// Gives a snapshot id back. Clones that serve no other snapshot are trimmed, perhaps later. Durable
    /// as a new id is: with the first durable operation after it.
    fn remove_snap_id(&self, pool: PoolId, snap: SnapId) -> BoxFuture<'_, Result<()>>;
}

/// Watches on objects and notifications between their watchers.
pub trait Watches: Send + Sync {
    /// Registers interest in notifications on `object`, which must exist (`ENOENT`).
    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<watch::Watch>>;

    /// Ends a watch of this client.
    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>>;

    /// Sends `payload` to every watcher (this client's own too) and gathers their answers.
    fn notify(
        &self,
        object: &ObjectId,
        payload: Bytes,
        timeout: std::time::Duration,
    ) -> BoxFuture<'_, Result<watch::NotifyOutcome>>;

    /// Answers a notification that one of this client's watches received.
    fn acknowledge(&self, ack: watch::Acknowledgement) -> BoxFuture<'_, Result<()>>;

    /// Who watches `object`.
    fn list_watchers(&self, object: &ObjectId) -> BoxFuture<'_, Result<Vec<watch::Watcher>>>;
}

/// What is not an object: pools, config keys, blocklist, space.
pub trait Cluster: Send + Sync {
    /// All pools, in ascending order of id.
    fn list_pools(&self) -> BoxFuture<'_, Result<Vec<PoolInfo>>>;

    /// The pool called `name`, without counting what it holds.
    fn find_pool(&self, name: &str) -> BoxFuture<'_, Result<Option<PoolId>>> {
        let (name, pools) = (name.to_owned(), self.list_pools());
        Box::pin(async move {
            let found = pools.await?.into_iter().find(|pool| pool.name == name);
            Ok(found.map(|pool| pool.id))
        })
    }

    /// The oldest client release that must be able to read the store, as [`Cluster::status`] says
    /// it, without the rest of that.
    fn min_compat_client(&self) -> BoxFuture<'_, Result<String>> {
        let status = self.status();
        Box::pin(async move { Ok(status.await?.min_compat_client) })
    }

    /// Applies one change to the pools, the config keys or the blocklist. Durable on return.
    fn administer(&self, change: ClusterChange) -> BoxFuture<'_, Result<()>>;

    /// The value of a config key; `ENOENT` when it is not set.
    fn config_key(&self, key: &str) -> BoxFuture<'_, Result<Bytes>>;

    /// All config keys, sorted.
    fn list_config_keys(&self) -> BoxFuture<'_, Result<Vec<String>>>;

    /// What the store's own client configuration says of an option of RBD (`rbd_…`). `None` where
    /// there is no such configuration: then options are config keys.
    fn configured(&self, option: &str) -> Option<String> {
        let _ = option;
        None
    }

    /// Marks a pool as used by an application (`rbd`), as `rbd pool init` does. `EPERM` when another
    /// uses it and is not to be put up with. Stores that keep no such marks do nothing.
    fn enable_application(
        &self,
        pool: PoolId,
        application: &str,
        others: OtherApplications,
    ) -> BoxFuture<'_, Result<()>> {
        let _ = (pool, application, others);
        Box::pin(std::future::ready(Ok(())))
    }

    /// Identity, oldest client to serve, space, blocklist.
    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus>>;
}

/// What about applications that use a pool already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherApplications {
    Refused,
    Allowed,
}

/// One change to what [`Cluster`] shows.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ClusterChange {
    /// `EEXIST` when the name is taken. The id is the next that was never used.
    CreatePool { name: String },
    /// `ENOENT`, `EEXIST`.
    RenamePool { from: String, to: String },
    /// Removes the pool and every object in it. `ENOENT`.
    RemovePool { name: String },
    /// Sets the oldest client release that must be able to read the store (`luminous`, `mimic` …).
    SetMinCompatClient { release: String },
    /// Sets a config key.
    SetConfigKey { key: String, value: Bytes },
    /// Removes a config key; `ENOENT`.
    RemoveConfigKey { key: String },
    /// Refuses every later operation of the client with that address.
    AddBlocklist { address: ClientAddress },
    /// `ENOENT` when it is not on the list.
    RemoveBlocklist { address: ClientAddress },
}

/// A pool as [`Cluster::list_pools`] shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PoolInfo {
    pub id: PoolId,
    pub name: String,
    /// Objects in the pool, clones of snapshots not counted.
    pub objects: u64,
    /// Bytes that the pool's objects hold, shared blocks counted each time.
    pub stored_bytes: u64,
}

/// The store as a whole.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClusterStatus {
    /// The store's UUID in text form.
    pub fsid: String,
    /// Release name, `luminous` in a new store.
    pub min_compat_client: String,
    pub space: Space,
    pub blocklist: Vec<ClientAddress>,
}

/// Space in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Space {
    /// What the store may grow to.
    pub total_bytes: u64,
    /// What data occupies, shared blocks counted once.
    pub used_bytes: u64,
    /// What removed data will give back once housekeeping has run.
    pub pending_bytes: u64,
    /// What can still be written.
    pub available_bytes: u64,
}

/// Which objects to list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ListQuery {
    pub pool: PoolId,
    /// `None` lists all namespaces.
    pub namespace: Option<String>,
    /// Where the page before ended; `None` to begin.
    pub cursor: Option<Bytes>,
    /// At most so many; the engine may return fewer.
    pub max: usize,
}

/// One page of a listing.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ObjectPage {
    pub objects: Vec<ObjectId>,
    /// Where to go on; `None` at the end.
    pub next: Option<Bytes>,
}

/// An object's clones and whether its head exists.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SnapSet {
    /// The newest snapshot id that the object has seen.
    pub seq: SnapId,
    /// Oldest first.
    pub clones: Vec<CloneInfo>,
    /// Size in bytes; `None` when only clones are left.
    pub head_size: Option<u64>,
}

/// One clone of an object.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CloneInfo {
    /// The `seq` of the snapshot context whose write made the clone (RADOS: not the newest of its
    /// snapshots, when that one is removed already).
    pub id: SnapId,
    /// The snapshots it serves, ascending.
    pub snaps: Vec<SnapId>,
    pub size: u64,
    /// Ranges (offset, length) unchanged from this clone to the next newer one or the head.
    pub overlap: Vec<(u64, u64)>,
}
