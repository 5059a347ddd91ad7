//! Sessions over an engine that keeps nothing across its death.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use marcot_store::session::{
    Answer, Change, ProcessMark, Session, Sessions, Stamp, unknown_session,
};
use marcot_store::watch::{Acknowledgement, NotifyOutcome, Watch, Watcher};
use marcot_store::{
    Capabilities, ClientAddress, ClientId, Cluster, ClusterChange, ClusterStatus, Errno, ListQuery,
    ObjectId, ObjectPage, Objects, PoolId, PoolInfo, ReadOp, ReadResult, Result, SnapId, SnapSet,
    Snapshots, Store, StoreError, Version, WatchHandle, Watches, WriteOp,
};

/// Makes a session of each client that `client` gives. When the owner dies so do its clients, which
/// is all that an engine in memory could promise.
pub struct VolatileSessions<F>(pub F);

impl<F> fmt::Debug for VolatileSessions<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VolatileSessions")
    }
}

impl<F: Fn() -> Arc<dyn Store> + Send + Sync> Sessions for VolatileSessions<F> {
    fn client(&self) -> Arc<dyn Store> {
        (self.0)()
    }

    fn start(&self, _process: ProcessMark) -> Result<Arc<dyn Session>> {
        Ok(Arc::new(VolatileSession((self.0)())))
    }

    fn resume(&self, client: ClientId) -> Result<Arc<dyn Session>> {
        Err(unknown_session(client))
    }

    fn dormant(&self) -> Vec<(ClientId, ProcessMark)> {
        Vec::new()
    }

    fn end(&self, _client: ClientId) {}
}

/// A client of an engine without kept answers: numbers have no meaning, since nobody resumes.
struct VolatileSession(Arc<dyn Store>);

impl Session for VolatileSession {
    fn change(&self, _stamp: Stamp, change: Change) -> BoxFuture<'_, Result<Answer>> {
        change.run(&*self.0)
    }

    fn rewatch(&self, object: &ObjectId, _handle: WatchHandle) -> BoxFuture<'_, Result<Watch>> {
        let error = StoreError::new(Errno::NOTCONN, format!("watch {object} again"));
        Box::pin(async { Err(error) })
    }
}

impl Objects for VolatileSession {
    fn read(
        &self,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'_, Result<Vec<ReadResult>>> {
        self.0.read(object, snap, op)
    }

    fn write(&self, object: &ObjectId, op: WriteOp) -> BoxFuture<'_, Result<Version>> {
        self.0.write(object, op)
    }

    fn flush(&self) -> BoxFuture<'_, Result<()>> {
        self.0.flush()
    }

    fn list_objects(&self, query: ListQuery) -> BoxFuture<'_, Result<ObjectPage>> {
        self.0.list_objects(query)
    }

    fn list_snaps(&self, object: &ObjectId) -> BoxFuture<'_, Result<SnapSet>> {
        self.0.list_snaps(object)
    }
}

impl Snapshots for VolatileSession {
    fn create_snap_id(&self, pool: PoolId) -> BoxFuture<'_, Result<SnapId>> {
        self.0.create_snap_id(pool)
    }

    fn remove_snap_id(&self, pool: PoolId, snap: SnapId) -> BoxFuture<'_, Result<()>> {
        self.0.remove_snap_id(pool, snap)
    }
}

impl Watches for VolatileSession {
    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        self.0.watch(object)
    }

    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        self.0.unwatch(object, handle)
    }

    fn notify(
        &self,
        object: &ObjectId,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<NotifyOutcome>> {
        self.0.notify(object, payload, timeout)
    }

    fn acknowledge(&self, ack: Acknowledgement) -> BoxFuture<'_, Result<()>> {
        self.0.acknowledge(ack)
    }

    fn list_watchers(&self, object: &ObjectId) -> BoxFuture<'_, Result<Vec<Watcher>>> {
        self.0.list_watchers(object)
    }
}

impl Cluster for VolatileSession {
    fn list_pools(&self) -> BoxFuture<'_, Result<Vec<PoolInfo>>> {
        self.0.list_pools()
    }

    fn administer(&self, change: ClusterChange) -> BoxFuture<'_, Result<()>> {
        self.0.administer(change)
    }

    fn config_key(&self, key: &str) -> BoxFuture<'_, Result<Bytes>> {
        self.0.config_key(key)
    }

    fn list_config_keys(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.0.list_config_keys()
    }

    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus>> {
        self.0.status()
    }
}

impl Store for VolatileSession {
    fn client_id(&self) -> ClientId {
        self.0.client_id()
    }

    fn client_address(&self) -> ClientAddress {
        self.0.client_address()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
}
