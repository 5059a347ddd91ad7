//! A store whose n-th write fails: verbs must leave nothing half-done behind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use marcot_store::memory::MemoryOptions;
use marcot_store::watch::{Acknowledgement, NotifyOutcome, Watch, Watcher};
use marcot_store::{
    Capabilities, ClientAddress, ClientId, Cluster, ClusterChange, ClusterStatus, Errno, ListQuery,
    ObjectId, ObjectPage, Objects, PoolId, PoolInfo, ReadOp, ReadResult, Result, SnapId, SnapSet,
    Snapshots, Store, StoreError, Version, WatchHandle, Watches, WriteOp,
};

use super::world::{MIB, World};
use crate::config::CloneFormat;
use crate::operation::{CloneOptions, CreateOptions, clone, create};
use crate::pool::directory;
use crate::transfer::{ImportOptions, import};
use crate::{Client, Config, NoProgress};

pub(super) struct Failing {
    pub(super) inner: Arc<dyn Store>,
    /// Writes to let through; the one after them fails, and only that one.
    pub(super) left: AtomicI64,
    /// The identity to show in place of its own.
    pub(super) fsid: Option<&'static str>,
}

impl Failing {
    pub(super) fn has_failed(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }
}

impl Store for Failing {
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

impl Objects for Failing {
    fn read(
        &self,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'_, Result<Vec<ReadResult>>> {
        self.inner.read(object, snap, op)
    }
    fn write(&self, object: &ObjectId, op: WriteOp) -> BoxFuture<'_, Result<Version>> {
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            0 => {
                let error = StoreError::new(Errno::IO, format!("write {object}: as planned"));
                Box::pin(std::future::ready(Err(error)))
            }
            _ => self.inner.write(object, op),
        }
    }
    fn flush(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.flush()
    }
    fn list_objects(&self, query: ListQuery) -> BoxFuture<'_, Result<ObjectPage>> {
        self.inner.list_objects(query)
    }
    fn list_snaps(&self, object: &ObjectId) -> BoxFuture<'_, Result<SnapSet>> {
        self.inner.list_snaps(object)
    }
}

impl Snapshots for Failing {
    fn create_snap_id(&self, pool: PoolId) -> BoxFuture<'_, Result<SnapId>> {
        self.inner.create_snap_id(pool)
    }
    fn remove_snap_id(&self, pool: PoolId, snap: SnapId) -> BoxFuture<'_, Result<()>> {
        self.inner.remove_snap_id(pool, snap)
    }
}

impl Watches for Failing {
    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        self.inner.watch(object)
    }
    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        self.inner.unwatch(object, handle)
    }
    fn notify(
        &self,
        object: &ObjectId,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<NotifyOutcome>> {
        self.inner.notify(object, payload, timeout)
    }
    fn acknowledge(&self, ack: Acknowledgement) -> BoxFuture<'_, Result<()>> {
        self.inner.acknowledge(ack)
    }
    fn list_watchers(&self, object: &ObjectId) -> BoxFuture<'_, Result<Vec<Watcher>>> {
        self.inner.list_watchers(object)
    }
}

impl Cluster for Failing {
    fn list_pools(&self) -> BoxFuture<'_, Result<Vec<PoolInfo>>> {
        self.inner.list_pools()
    }
    fn administer(&self, change: ClusterChange) -> BoxFuture<'_, Result<()>> {
        self.inner.administer(change)
    }
    fn config_key(&self, key: &str) -> BoxFuture<'_, Result<Bytes>> {
        self.inner.config_key(key)
    }
    fn list_config_keys(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.list_config_keys()
    }
    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus>> {
        Box::pin(async {
            let status = self.inner.status().await?;
            let fsid = self.fsid.map_or(status.fsid, str::to_owned);
            Ok(ClusterStatus { fsid, ..status })
        })
    }
}

/// Objects that may stay behind empty, as they do in Ceph.
const KEPT: [&str; 4] = ["rbd_children", "rbd_directory", "rbd_info", "rbd_trash"];

/// Runs `verb` again and again, its first, second, third … write failing, until none does.
/// Whenever it fails, names and objects must be what they were before.
pub(super) fn undone_at_every_step(
    prepare: impl AsyncFn(&World),
    verb: impl AsyncFn(&World, &Client) -> Result<(), Errno>,
) {
    for fail_at in 0.. {
        let failed = pollster::block_on(async {
            let world = World::new(MemoryOptions::default()).await;
            prepare(&world).await;
            let before = left(&world).await;
            let left_alone = AtomicI64::new(fail_at);
            let store =
                Arc::new(Failing { inner: world.cluster.client(), left: left_alone, fsid: None });
            let env = Arc::clone(&world.client.env);
            let client = Client::new(Arc::clone(&store) as _, env, Config::default());
            let outcome = verb(&world, &client).await;
            if outcome.is_err() {
                assert!(store.has_failed());
                assert_eq!(left(&world).await, before, "write {fail_at} failed");
            }
            store.has_failed()
        });
        if !failed {
            assert!(fail_at > 1, "the verb writes more than that");
            return;
        }
    }
}

async fn left(world: &World) -> (Vec<directory::Entry>, BTreeSet<String>) {
    let names = directory::list(&world.client, &world.at).await.unwrap();
    let mut objects: BTreeSet<String> = world.objects().await.into_iter().collect();
    objects.retain(|name| !KEPT.contains(&name.as_str()));
    (names, objects)
}

#[test]
fn create_leaves_nothing_behind() {
    undone_at_every_step(
        async |_| {},
        async |world, client| {
            let options = CreateOptions {
                size: 8 * MIB,
                stripe_unit: Some(65536),
                stripe_count: Some(2),
                ..CreateOptions::default()
            };
            let created = create(client, &world.at, "a", &options).await;
            created.map(drop).map_err(|error| error.errno())
        },
    );
}

#[test]
fn clone_leaves_nothing_behind() {
    for format in [CloneFormat::V1, CloneFormat::V2] {
        undone_at_every_step(
            async |world| {
                world.create("a", MIB).await;
                world.snap("a", "s").await;
                world.protect("a", "s").await;
                world
                    .with("a", async |image| {
                        crate::operation::image_meta::set(image, "k", b"v").await.unwrap();
                    })
                    .await;
            },
            async |world, client| {
                let options = CloneOptions { format: Some(format), ..CloneOptions::default() };
                let (source, target) = (world.source("a", "s"), world.target("b"));
                let cloned = clone(client, &source, &target, &options).await;
                let found = world.with("a", async |a| crate::operation::children(a).await).await;
                assert_eq!(found.unwrap().len(), usize::from(cloned.is_ok()));
                cloned.map(drop).map_err(|error| error.errno())
            },
        );
    }
}

#[test]
fn import_leaves_nothing_behind() {
    undone_at_every_step(
        async |_| {},
        async |world, client| {
            let disk = vec![7; 5 << 20];
            let options = ImportOptions::default();
            let mut source = &disk[..];
            let imported = import(client, &world.at, "a", &mut source, &options, &NoProgress).await;
            imported.map_err(|error| error.errno())
        },
    );
}
