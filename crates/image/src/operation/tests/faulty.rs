//! A store whose n-th change fails, or never happens because the process that wanted it is dead.

use std::future::{Future, pending, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::task::AtomicWaker;
use marcot_store::memory::MemoryCluster;
use marcot_store::watch::{Acknowledgement, NotifyOutcome, Watch, Watcher};
use marcot_store::{
    Capabilities, ClientAddress, ClientId, Cluster, ClusterChange, ClusterStatus, Errno, ListQuery,
    ObjectId, ObjectPage, Objects, PoolId, PoolInfo, ReadOp, ReadResult, Result, SnapId, SnapSet,
    Snapshots, Store, StoreError, Version, WatchHandle, Watches, WriteOp, WriteStep,
};

use super::world::World;
use crate::{Client, Config};

/// What becomes of the change that is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It fails with `EIO`, and only that one.
    Fails,
    /// It does not happen, nor does anything after it.
    Dies,
}

pub(super) struct Faulty {
    pub(super) inner: Arc<dyn Store>,
    cluster: Arc<MemoryCluster>,
    fault: Fault,
    /// Changes to let through; the one after them meets the fault.
    left: AtomicI64,
    dead: AtomicBool,
    death: AtomicWaker,
    /// The identity to show in place of its own.
    fsid: Option<&'static str>,
    copyups: Busy,
}

/// How many of something are under way, and were at most.
#[derive(Debug, Default)]
struct Busy {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Busy {
    /// Does `work` after all that is ready to begin has begun.
    async fn with<T>(&self, work: impl Future<Output = T>) -> T {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let mut yielded = false;
        poll_fn(|context| match std::mem::replace(&mut yielded, true) {
            true => Poll::Ready(()),
            false => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
        let done = work.await;
        self.now.fetch_sub(1, Ordering::SeqCst);
        done
    }
}

impl Faulty {
    /// A client of `world` whose change number `left`, counted from 0, meets the fault.
    pub(super) fn client(world: &World, fault: Fault, left: i64) -> (Arc<Faulty>, Client) {
        let store = Faulty::store(world, fault, left, None);
        let env = Arc::clone(&world.client.env);
        let config = Config::clone(&world.client.config);
        let client = Client::new(Arc::clone(&store) as _, env, config);
        (store, client)
    }

    /// The store alone, which says that it is the cluster `fsid`.
    pub(super) fn store(
        world: &World,
        fault: Fault,
        left: i64,
        fsid: Option<&'static str>,
    ) -> Arc<Faulty> {
        Arc::new(Faulty {
            inner: world.cluster.client(),
            cluster: Arc::clone(&world.cluster),
            fault,
            left: AtomicI64::new(left),
            dead: AtomicBool::new(false),
            death: AtomicWaker::new(),
            fsid,
            copyups: Busy::default(),
        })
    }

    /// How many copyups were under way at once, since this was asked before.
    pub(super) fn most_copyups(&self) -> usize {
        self.copyups.most.swap(0, Ordering::SeqCst)
    }

    /// Whether there were as many changes.
    pub(super) fn has_struck(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    /// What comes of `work`; `None` when the process died before its end.
    pub(super) async fn outlives<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            self.death.register(context.waker());
            match work.as_mut().poll(context) {
                _ if self.dead.load(Ordering::SeqCst) => Poll::Ready(None),
                outcome => outcome.map(Some),
            }
        })
        .await
    }

    fn while_alive<'a, T: Send + 'a>(
        &'a self,
        run: impl FnOnce() -> BoxFuture<'a, T>,
    ) -> BoxFuture<'a, T> {
        match self.dead.load(Ordering::SeqCst) {
            true => Box::pin(pending()),
            false => run(),
        }
    }

    fn change<'a, T: Send + 'a>(
        &'a self,
        what: String,
        run: impl FnOnce() -> BoxFuture<'a, Result<T>>,
    ) -> BoxFuture<'a, Result<T>> {
        if self.dead.load(Ordering::SeqCst) || self.left.fetch_sub(1, Ordering::SeqCst) != 0 {
            return self.while_alive(run);
        }
        match self.fault {
            Fault::Fails => {
                let context = format!("{what}: as planned");
                Box::pin(ready(Err(StoreError::new(Errno::IO, context))))
            }
            Fault::Dies => {
                self.dead.store(true, Ordering::SeqCst);
                self.cluster.kill(self.inner.client_id());
                self.death.wake();
                Box::pin(pending())
            }
        }
    }
}

impl Store for Faulty {
    fn client_id(&self) -> ClientId {
        self.inner.client_id()
    }
    fn client_address(&self) -> ClientAddress {
        self.inner.client_address()
    }
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

impl Objects for Faulty {
    fn read(
        &self,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'_, Result<Vec<ReadResult>>> {
        self.while_alive(|| self.inner.read(object, snap, op))
    }
    fn write(&self, object: &ObjectId, op: WriteOp) -> BoxFuture<'_, Result<Version>> {
        let copyup = matches!(op.steps[..], [WriteStep::CopyupFrom { .. }, ..]);
        let writing = self.change(format!("write {object}"), || self.inner.write(object, op));
        if copyup { Box::pin(self.copyups.with(writing)) } else { writing }
    }
    fn flush(&self) -> BoxFuture<'_, Result<()>> {
        self.while_alive(|| self.inner.flush())
    }
    fn list_objects(&self, query: ListQuery) -> BoxFuture<'_, Result<ObjectPage>> {
        self.while_alive(|| self.inner.list_objects(query))
    }
    fn list_snaps(&self, object: &ObjectId) -> BoxFuture<'_, Result<SnapSet>> {
        self.while_alive(|| self.inner.list_snaps(object))
    }
}

impl Snapshots for Faulty {
    fn create_snap_id(&self, pool: PoolId) -> BoxFuture<'_, Result<SnapId>> {
        self.change("new snapshot id".to_owned(), || self.inner.create_snap_id(pool))
    }
    fn remove_snap_id(&self, pool: PoolId, snap: SnapId) -> BoxFuture<'_, Result<()>> {
        self.change("remove snapshot id".to_owned(), || self.inner.remove_snap_id(pool, snap))
    }
}

impl Watches for Faulty {
    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        self.while_alive(|| self.inner.watch(object))
    }
    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        self.while_alive(|| self.inner.unwatch(object, handle))
    }
    fn notify(
        &self,
        object: &ObjectId,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<NotifyOutcome>> {
        self.while_alive(|| self.inner.notify(object, payload, timeout))
    }
    fn acknowledge(&self, ack: Acknowledgement) -> BoxFuture<'_, Result<()>> {
        self.while_alive(|| self.inner.acknowledge(ack))
    }
    fn list_watchers(&self, object: &ObjectId) -> BoxFuture<'_, Result<Vec<Watcher>>> {
        self.while_alive(|| self.inner.list_watchers(object))
    }
}

impl Cluster for Faulty {
    fn list_pools(&self) -> BoxFuture<'_, Result<Vec<PoolInfo>>> {
        self.while_alive(|| self.inner.list_pools())
    }
    fn administer(&self, change: ClusterChange) -> BoxFuture<'_, Result<()>> {
        self.while_alive(|| self.inner.administer(change))
    }
    fn config_key(&self, key: &str) -> BoxFuture<'_, Result<Bytes>> {
        self.while_alive(|| self.inner.config_key(key))
    }
    fn list_config_keys(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.while_alive(|| self.inner.list_config_keys())
    }
    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus>> {
        self.while_alive(|| {
            Box::pin(async {
                let status = self.inner.status().await?;
                let fsid = self.fsid.map_or(status.fsid, str::to_owned);
                Ok(ClusterStatus { fsid, ..status })
            })
        })
    }
}
