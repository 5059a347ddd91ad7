//! The contract over one connection: what is asynchronous in librados is so here, the rest runs on
//! the connection's few threads ([`crate::workers`]).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use marcot_store::watch::{Acknowledgement, NotifyOutcome, Watch, Watcher};
use marcot_store::{
    Capabilities, ClientAddress, ClientId, Cluster, ClusterChange, ClusterStatus, Copyups, Errno,
    ListQuery, ObjectId, ObjectPage, Objects, OtherApplications, PoolId, PoolInfo, ReadOp,
    ReadResult, Result, SnapId, SnapSet, Snapshots, Store, StoreError, Version, WatchHandle,
    Watches, WriteOp, checked,
};

use crate::closing;
use crate::completion::{self, Completed};
use crate::connection::CephCluster;
use crate::io_context::View;
use crate::shim::{lacking, shim};

/// One client of a cluster. The connection ends with it.
pub(crate) struct CephStore {
    pub(crate) cluster: Arc<CephCluster>,
}

impl Drop for CephStore {
    fn drop(&mut self) {
        closing::close(&self.cluster);
    }
}

impl Store for CephStore {
    fn client_id(&self) -> ClientId {
        self.cluster.id
    }

    fn client_address(&self) -> ClientAddress {
        self.cluster.address.clone()
    }

    fn capabilities(&self) -> Capabilities {
        let copyup = if shim().is_ok() { Copyups::Alone } else { Copyups::Refused };
        Capabilities { copyup, discard_granularity_bytes: 65536 }
    }
}

impl CephCluster {
    /// Runs a blocking call. It completes even when nobody waits.
    pub(crate) fn blocking<'a, T: Send + 'static>(
        self: &Arc<CephCluster>,
        call: impl FnOnce(&CephCluster) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'a, Result<T>> {
        let ticket = match self.enter() {
            Ok(ticket) => ticket,
            Err(error) => return refused(error),
        };
        let (sender, receiver) = oneshot::channel();
        let cluster = Arc::clone(self);
        let job = Box::new(move || {
            let result = call(&cluster);
            drop(ticket);
            let _ = sender.send(result);
        });
        if !self.workers.run(job) {
            return refused(StoreError::new(Errno::AGAIN, "start a thread for the Ceph cluster"));
        }
        async move { receiver.await.unwrap_or_else(|_| Err(abandoned())) }.boxed()
    }
}

/// An answer that is known at once.
pub(crate) fn refused<'a, T: Send + 'a>(error: StoreError) -> BoxFuture<'a, Result<T>> {
    futures_util::future::ready(Err(error)).boxed()
}

pub(crate) fn abandoned() -> StoreError {
    StoreError::new(Errno::IO, "librados gave an operation up without an answer")
}

/// Waits for an operation and makes of it what `outcome` says.
pub(crate) fn awaited<'a, T, R>(
    running: Result<oneshot::Receiver<T>>,
    outcome: impl FnOnce(T) -> Result<R> + Send + 'a,
) -> BoxFuture<'a, Result<R>>
where
    T: Send + 'a,
    R: Send + 'a,
{
    match running {
        Ok(running) => async move { outcome(running.await.map_err(|_| abandoned())?) }.boxed(),
        Err(error) => refused(error),
    }
}

/// The error of an operation with a negative result.
pub(crate) fn checked_result<T>(
    completed: Completed<T>,
    what: impl FnOnce() -> String,
) -> Result<Completed<T>> {
    match completed.result {
        0.. => Ok(completed),
        result => Err(StoreError::new(Errno::from_raw(-result), what())),
    }
}

/// Refuses what no object can be called, as every engine does.
fn border(object: &ObjectId, checked: Result<(), Errno>) -> Result<()> {
    let refuse = |errno| StoreError::new(errno, format!("use {object}"));
    checked::object(object).and(checked).map_err(refuse)
}

impl Objects for CephStore {
    fn read(
        &self,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'_, Result<Vec<ReadResult>>> {
        match border(object, checked::read(&op)) {
            Ok(()) => self.cluster.read(object, snap, op),
            Err(error) => refused(error),
        }
    }

    fn write(&self, object: &ObjectId, op: WriteOp) -> BoxFuture<'_, Result<Version>> {
        match border(object, checked::write(object, &op)) {
            Ok(()) => self.cluster.write(object, op),
            Err(error) => refused(error),
        }
    }

    fn flush(&self) -> BoxFuture<'_, Result<()>> {
        // RADOS acknowledges what is durable.
        futures_util::future::ready(Ok(())).boxed()
    }

    fn list_objects(&self, query: ListQuery) -> BoxFuture<'_, Result<ObjectPage>> {
        self.cluster.blocking(move |cluster| cluster.list(&query))
    }

    fn list_snaps(&self, object: &ObjectId) -> BoxFuture<'_, Result<SnapSet>> {
        let what = format!("list the snapshots of {object}");
        self.cluster.release_writes(object);
        let running = shim().map_err(|why| lacking(&what, why)).and_then(|shim| {
            let context = self.cluster.context(object, View::Clones)?;
            Ok(shim.list_snaps(self.cluster.needs(context)?, &object.name))
        });
        awaited(running, |completed| checked_result(completed, || what)?.payload.snap_set())
    }
}

impl Snapshots for CephStore {
    fn create_snap_id(&self, pool: PoolId) -> BoxFuture<'_, Result<SnapId>> {
        let place = ObjectId::new(pool, "", "");
        let running = self.cluster.context(&place, View::Read(SnapId::HEAD)).and_then(|context| {
            let needs = self.cluster.needs(context)?;
            let rados = self.cluster.rados;
            Ok(completion::start(needs, 0, |id, io, completion| {
                // SAFETY: the number lives in the completion until librados calls back.
                unsafe { (rados.aio_snap_create)(io, id, completion) };
                0
            }))
        });
        awaited(running, |completed| {
            let what = || "create a snapshot id".to_owned();
            Ok(SnapId(checked_result(completed, what)?.payload))
        })
    }

    fn remove_snap_id(&self, pool: PoolId, snap: SnapId) -> BoxFuture<'_, Result<()>> {
        let place = ObjectId::new(pool, "", "");
        let running = self.cluster.context(&place, View::Read(SnapId::HEAD)).and_then(|context| {
            let needs = self.cluster.needs(context)?;
            let rados = self.cluster.rados;
            Ok(completion::start(needs, (), |(), io, completion| {
                // SAFETY: the context is open.
                unsafe { (rados.aio_snap_remove)(io, snap.0, completion) };
                0
            }))
        });
        awaited(running, move |completed| {
            let what = || format!("remove the snapshot id {}", snap.0);
            checked_result(completed, what).map(drop)
        })
    }
}

impl Watches for CephStore {
    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        let registering = self.cluster.register(object);
        awaited(registering, |watch| watch)
    }

    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        let object = object.clone();
        awaited(self.cluster.unregister(&object, handle), move |result| match result {
            0.. => Ok(()),
            _ => Err(StoreError::new(Errno::from_raw(-result), format!("end a watch of {object}"))),
        })
    }

    fn notify(
        &self,
        object: &ObjectId,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<NotifyOutcome>> {
        let object = object.clone();
        let running = self.cluster.send_notify(&object, &payload, timeout);
        awaited(running, move |completed| completed.outcome(&object))
    }

    fn acknowledge(&self, ack: Acknowledgement) -> BoxFuture<'_, Result<()>> {
        futures_util::future::ready(self.cluster.acknowledge_notify(&ack)).boxed()
    }

    fn list_watchers(&self, object: &ObjectId) -> BoxFuture<'_, Result<Vec<Watcher>>> {
        let what = format!("list the watchers of {object}");
        let running = shim().map_err(|why| lacking(&what, why)).and_then(|shim| {
            let context = self.cluster.watch_context(object)?;
            Ok(shim.list_watchers(self.cluster.needs(context)?, &object.name))
        });
        awaited(running, |completed| checked_result(completed, || what)?.payload.watchers())
    }
}

impl Cluster for CephStore {
    fn list_pools(&self) -> BoxFuture<'_, Result<Vec<PoolInfo>>> {
        self.cluster.blocking(CephCluster::pools)
    }

    fn find_pool(&self, name: &str) -> BoxFuture<'_, Result<Option<PoolId>>> {
        let name = name.to_owned();
        self.cluster.blocking(move |cluster| cluster.pool_called(&name))
    }

    fn min_compat_client(&self) -> BoxFuture<'_, Result<String>> {
        self.cluster.blocking(CephCluster::min_compat_client)
    }

    fn administer(&self, change: ClusterChange) -> BoxFuture<'_, Result<()>> {
        match checked::change(&change) {
            Ok(()) => self.cluster.blocking(move |cluster| cluster.change(change)),
            Err(errno) => refused(StoreError::new(errno, format!("{change:?}"))),
        }
    }

    fn config_key(&self, key: &str) -> BoxFuture<'_, Result<Bytes>> {
        let key = key.to_owned();
        self.cluster.blocking(move |cluster| cluster.config_value(&key))
    }

    fn list_config_keys(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.cluster.blocking(CephCluster::config_keys)
    }

    fn configured(&self, option: &str) -> Option<String> {
        self.cluster.configured(option)
    }

    fn enable_application(
        &self,
        pool: PoolId,
        application: &str,
        others: OtherApplications,
    ) -> BoxFuture<'_, Result<()>> {
        let application = application.to_owned();
        self.cluster.blocking(move |cluster| cluster.enable(pool, &application, others))
    }

    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus>> {
        self.cluster.blocking(CephCluster::cluster_status)
    }
}
