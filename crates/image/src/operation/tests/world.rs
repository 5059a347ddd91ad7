//! A cluster with one pool and one client, and short words for what tests do.

use std::sync::Arc;

use bytes::Bytes;
use marcot_store::memory::{MemoryCluster, MemoryOptions};
use marcot_store::{ClusterChange, Env, PoolId};
use marcot_testkit::ThreadEnv;

use crate::operation::{
    CloneOptions, CloneSource, CloneTarget, CreateOptions, clone, create, snapshot,
};
use crate::{Access, Client, Config, Image, ImageKey, Location, NoProgress, OpenOptions, SnapKey};

pub(super) const MIB: u64 = 1 << 20;

pub(super) struct World {
    pub(super) cluster: Arc<MemoryCluster>,
    pub(super) client: Client,
    pub(super) at: Location,
}

impl World {
    pub(super) async fn new(options: MemoryOptions) -> World {
        World::with_env(options, Arc::new(ThreadEnv::new(7))).await
    }

    pub(super) async fn with_env(options: MemoryOptions, env: Arc<dyn Env>) -> World {
        let classes = marcot_classes::all();
        let cluster = MemoryCluster::with_env(classes, env.clone(), options);
        let client = Client::new(cluster.client(), env, Config::default());
        let world = World { cluster, client, at: Location::new(PoolId(1), "") };
        world.add_pool("rbd").await;
        world
    }

    pub(super) async fn add_pool(&self, name: &str) {
        let change = ClusterChange::CreatePool { name: name.to_owned() };
        self.client.store.administer(change).await.unwrap();
    }

    /// Another client of the same cluster.
    pub(super) fn other_client(&self) -> Client {
        let config = Config::clone(&self.client.config);
        Client::new(self.cluster.client(), Arc::clone(&self.client.env), config)
    }

    pub(super) async fn create(&self, name: &str, size: u64) {
        let options = CreateOptions { size, ..CreateOptions::default() };
        create(&self.client, &self.at, name, &options).await.unwrap();
    }

    pub(super) async fn open(&self, name: &str) -> Arc<Image> {
        let options = OpenOptions::name(name, Access::ReadWrite);
        Image::open(&self.client, &self.at, options).await.unwrap()
    }

    pub(super) async fn open_at(&self, name: &str, snap: &str) -> Arc<Image> {
        let options = OpenOptions::name(name, Access::ReadOnly);
        let options = options.at(SnapKey::Name(snap.to_owned()));
        Image::open(&self.client, &self.at, options).await.unwrap()
    }

    /// Opens the image for one piece of work.
    pub(super) async fn with<T>(&self, name: &str, work: impl AsyncFnOnce(&Image) -> T) -> T {
        let image = self.open(name).await;
        let result = work(&image).await;
        image.close().await.unwrap();
        result
    }

    pub(super) async fn write(&self, name: &str, offset: u64, data: &'static [u8]) {
        let data = Bytes::from_static(data);
        self.with(name, async |image| image.write(offset, data).await.unwrap()).await;
    }

    pub(super) async fn read(&self, name: &str, offset: u64, length: u64) -> Bytes {
        self.with(name, async |image| image.read(offset, length).await.unwrap()).await
    }

    pub(super) async fn snap(&self, name: &str, snap: &str) {
        self.with(name, async |image| snapshot::create(image, snap).await.unwrap()).await;
    }

    pub(super) async fn protect(&self, name: &str, snap: &str) {
        self.with(name, async |image| snapshot::protect(image, snap).await.unwrap()).await;
    }

    pub(super) fn source(&self, name: &str, snap: &str) -> CloneSource {
        CloneSource {
            location: self.at.clone(),
            image: ImageKey::Name(name.to_owned()),
            snap: SnapKey::Name(snap.to_owned()),
        }
    }

    pub(super) fn target(&self, name: &str) -> CloneTarget {
        CloneTarget { location: self.at.clone(), name: name.to_owned() }
    }

    pub(super) async fn clone(&self, name: &str, snap: &str, child: &str, options: &CloneOptions) {
        let (source, target) = (self.source(name, snap), self.target(child));
        clone(&self.client, &source, &target, options).await.unwrap();
    }

    /// Names of all objects of the first pool, sorted.
    pub(super) async fn objects(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut cursor = None;
        loop {
            let query = marcot_store::ListQuery {
                pool: self.at.pool,
                namespace: None,
                cursor: cursor.clone(),
                max: 1000,
            };
            let page = self.client.store.list_objects(query).await.unwrap();
            names.extend(page.objects.into_iter().map(|object| object.name.to_string()));
            cursor = page.next;
            if cursor.is_none() {
                names.sort();
                return names;
            }
        }
    }

    pub(super) async fn remove(&self, name: &str) {
        crate::operation::remove(&self.client, &self.at, name, &NoProgress).await.unwrap();
    }
}

/// Runs a test on a friendly cluster, on one without sharing by reference, and on hostile ones.
pub(super) fn on_all_clusters(test: impl AsyncFn(World)) {
    let by_bytes = MemoryOptions { copyup_by_reference: false, ..MemoryOptions::default() };
    let hostile_by_bytes =
        MemoryOptions { copyup_by_reference: false, ..MemoryOptions::hostile(3) };
    for options in [MemoryOptions::default(), by_bytes, MemoryOptions::hostile(1), hostile_by_bytes]
    {
        pollster::block_on(async { test(World::new(options).await).await });
    }
}
