//! The contract over one connection.
//!
//! Reads and writes are asynchronous in librados. What its C API only offers as blocking calls
//! (pools, snapshot ids, listing, watches) runs on a thread of its own for as long as it takes;
//! none of it is on the path of data.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use marcot_store::watch::{Acknowledgement, NotifyOutcome, Watch, Watcher};
use marcot_store::{
    Capabilities, ClientAddress, ClientId, Cluster, ClusterChange, ClusterStatus, Errno, ListQuery,
    ObjectId, ObjectPage, Objects, PoolId, PoolInfo, ReadOp, ReadResult, Result, SnapId, SnapSet,
    Snapshots, Store, StoreError, Version, WatchHandle, Watches, WriteOp, WriteStep,
};

use crate::completion::{self, Completed};
use crate::connection::{CephCluster, c_string};
use crate::io_context::{IoContext, View};
use crate::read_op::RadosReadOp;
use crate::write_op::RadosWriteOp;

/// An operation on its way, with the memory and the context that it needs until it completes.
type Submitted<Op> = oneshot::Receiver<Completed<(Op, Arc<IoContext>)>>;

/// One client of a cluster.
pub(crate) struct CephStore {
    pub(crate) cluster: Arc<CephCluster>,
}

impl Store for CephStore {
    fn client_id(&self) -> ClientId {
        self.cluster.id
    }

    fn client_address(&self) -> ClientAddress {
        self.cluster.address.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { copyup_by_reference: false, discard_granularity_bytes: 65536 }
    }
}

impl CephStore {
    fn context(&self, object: &ObjectId, view: View) -> Result<Arc<IoContext>> {
        let cluster = &self.cluster;
        cluster.contexts.get(cluster.rados, cluster.handle, object, view)
    }

    /// Runs a blocking call on a thread of its own. It completes even when nobody waits.
    fn blocking<T: Send + 'static>(
        &self,
        call: impl FnOnce(&CephCluster) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T>> {
        let (sender, receiver) = oneshot::channel();
        let cluster = Arc::clone(&self.cluster);
        std::thread::spawn(move || {
            let result = call(&cluster);
            // Whoever waits closes the connection in its own time, not this thread at its exit.
            drop(cluster);
            let _ = sender.send(result);
        });
        async move {
            receiver.await.unwrap_or_else(|_| {
                Err(StoreError::new(Errno::IO, "a call to the Ceph cluster did not return"))
            })
        }
        .boxed()
    }

    fn submit_read(
        &self,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> Result<Submitted<RadosReadOp>> {
        let rados = self.cluster.rados;
        let context = self.context(object, View::Read(snap))?;
        let name = c_string(&object.name, "an object's name")?;
        let op = RadosReadOp::build(rados, op.steps)?;
        Ok(completion::start(rados, (op, context), |(op, context), completion| {
            // SAFETY: operation and context live in the completion until librados calls back.
            unsafe {
                (rados.aio_read_op_operate)(op.handle, context.handle, completion, name.as_ptr(), 0)
            }
        }))
    }

    fn submit_write(&self, object: &ObjectId, op: &WriteOp) -> Result<Submitted<RadosWriteOp>> {
        let rados = self.cluster.rados;
        let context = self.context(object, View::Write(op.snap_context.clone()))?;
        let name = c_string(&object.name, "an object's name")?;
        let op = RadosWriteOp::build(rados, &op.steps)?;
        Ok(completion::start(rados, (op, context), |(op, context), completion| {
            // SAFETY: operation and context live in the completion until librados calls back; a
            // null time means now.
            unsafe {
                (rados.aio_write_op_operate)(
                    op.handle,
                    context.handle,
                    completion,
                    name.as_ptr(),
                    std::ptr::null_mut(),
                    0,
                )
            }
        }))
    }

    fn rollback(
        &self,
        object: &ObjectId,
        op: WriteOp,
        snap: SnapId,
    ) -> BoxFuture<'_, Result<Version>> {
        let object = object.clone();
        self.blocking(move |cluster| {
            let view = View::Write(op.snap_context.clone());
            let context = cluster.contexts.get(cluster.rados, cluster.handle, &object, view)?;
            let name = c_string(&object.name, "an object's name")?;
            // SAFETY: the context is open and the name lives through the call.
            match unsafe { (cluster.rados.snap_rollback)(context.handle, name.as_ptr(), snap.0) } {
                0.. => Ok(Version(0)),
                result => {
                    let context = format!("roll back {object}");
                    Err(StoreError::new(Errno::from_raw(-result), context))
                }
            }
        })
    }
}

fn failed(result: i32, mismatch: Option<u64>, context: String) -> StoreError {
    match mismatch {
        Some(offset) => StoreError::mismatch(offset, context),
        None => StoreError::new(Errno::from_raw(-result), context),
    }
}

fn abandoned() -> StoreError {
    StoreError::new(Errno::IO, "librados gave an operation up without an answer")
}

impl Objects for CephStore {
    fn read(
        &self,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'_, Result<Vec<ReadResult>>> {
        let submitted = self.submit_read(object, snap, op);
        let context = format!("read {object}");
        async move {
            let Completed { result, version, payload: (op, _) } =
                submitted?.await.map_err(|_| abandoned())?;
            if result < 0 {
                return Err(failed(result, op.mismatch(result), context));
            }
            op.results(version)
        }
        .boxed()
    }

    fn write(&self, object: &ObjectId, op: WriteOp) -> BoxFuture<'_, Result<Version>> {
        if let [WriteStep::Rollback { snap }] = op.steps[..] {
            return self.rollback(object, op, snap);
        }
        let submitted = self.submit_write(object, &op);
        let context = format!("write {object}");
        async move {
            let Completed { result, version, payload: (op, _) } =
                submitted?.await.map_err(|_| abandoned())?;
            if result < 0 {
                return Err(failed(result, op.mismatch(result), context));
            }
            Ok(Version(version))
        }
        .boxed()
    }

    fn flush(&self) -> BoxFuture<'_, Result<()>> {
        // RADOS acknowledges what is durable.
        futures_util::future::ready(Ok(())).boxed()
    }

    fn list_objects(&self, query: ListQuery) -> BoxFuture<'_, Result<ObjectPage>> {
        self.blocking(move |cluster| cluster.list(&query))
    }

    fn list_snaps(&self, object: &ObjectId) -> BoxFuture<'_, Result<SnapSet>> {
        lacking(format!("list the snapshots of {object}"))
    }
}

impl Snapshots for CephStore {
    fn create_snap_id(&self, pool: PoolId) -> BoxFuture<'_, Result<SnapId>> {
        self.blocking(move |cluster| {
            let context = cluster.contexts.get(
                cluster.rados,
                cluster.handle,
                &ObjectId::new(pool, "", ""),
                View::Read(SnapId::HEAD),
            )?;
            let mut id = 0;
            // SAFETY: the context is open; `id` lives through the call.
            match unsafe { (cluster.rados.snap_create)(context.handle, &raw mut id) } {
                0.. => Ok(SnapId(id)),
                result => Err(StoreError::new(Errno::from_raw(-result), "create a snapshot id")),
            }
        })
    }

    fn remove_snap_id(&self, pool: PoolId, snap: SnapId) -> BoxFuture<'_, Result<()>> {
        self.blocking(move |cluster| {
            let context = cluster.contexts.get(
                cluster.rados,
                cluster.handle,
                &ObjectId::new(pool, "", ""),
                View::Read(SnapId::HEAD),
            )?;
            // SAFETY: the context is open.
            match unsafe { (cluster.rados.snap_remove)(context.handle, snap.0) } {
                0.. => Ok(()),
                result => Err(StoreError::new(Errno::from_raw(-result), "remove a snapshot id")),
            }
        })
    }
}

impl Watches for CephStore {
    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        let object = object.clone();
        self.blocking(move |cluster| cluster.register(&object))
    }

    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        let object = object.clone();
        self.blocking(move |cluster| cluster.unregister(&object, handle))
    }

    fn notify(
        &self,
        object: &ObjectId,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<NotifyOutcome>> {
        let object = object.clone();
        self.blocking(move |cluster| cluster.send_notify(&object, &payload, timeout))
    }

    fn acknowledge(&self, ack: Acknowledgement) -> BoxFuture<'_, Result<()>> {
        self.blocking(move |cluster| cluster.acknowledge_notify(&ack))
    }

    fn list_watchers(&self, object: &ObjectId) -> BoxFuture<'_, Result<Vec<Watcher>>> {
        lacking(format!("list the watchers of {object}"))
    }
}

impl Cluster for CephStore {
    fn list_pools(&self) -> BoxFuture<'_, Result<Vec<PoolInfo>>> {
        self.blocking(CephCluster::pools)
    }

    fn administer(&self, change: ClusterChange) -> BoxFuture<'_, Result<()>> {
        self.blocking(move |cluster| cluster.change(change))
    }

    fn config_key(&self, key: &str) -> BoxFuture<'_, Result<Bytes>> {
        let key = key.to_owned();
        self.blocking(move |cluster| cluster.config_value(&key))
    }

    fn list_config_keys(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.blocking(CephCluster::config_keys)
    }

    fn configured(&self, option: &str) -> Option<String> {
        self.cluster.configured(option)
    }

    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus>> {
        self.blocking(CephCluster::cluster_status)
    }
}

/// For what librados' C API does not offer. Nothing is assumed in its place.
fn lacking<T: Send + 'static>(what: String) -> BoxFuture<'static, Result<T>> {
    let error = StoreError::new(Errno::OPNOTSUPP, format!("{what}: not in librados' C API"));
    futures_util::future::ready(Err(error)).boxed()
}
