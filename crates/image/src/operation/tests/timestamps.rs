//! Times of access and change: who records them, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use marcot_store::Env;
use marcot_store::memory::MemoryOptions;
use marcot_store::op::Timestamp;
use marcot_testkit::ThreadEnv;
use pollster::block_on;

use super::world::{MIB, World};
use crate::operation::{CloneOptions, ResizeOptions, flatten, resize};
use crate::{Config, NoProgress};

/// A clock that stands still until it is set.
struct Clock {
    seconds: AtomicU32,
    rest: ThreadEnv,
}

impl Env for Clock {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.rest.spawn(task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.rest.sleep(duration)
    }

    fn now(&self) -> Timestamp {
        Timestamp { seconds: self.seconds.load(Ordering::SeqCst), nanoseconds: 5 }
    }

    fn random(&self) -> u64 {
        self.rest.random()
    }
}

/// Seconds of (access, change) since the clock's start.
async fn times(world: &World, name: &str) -> (u32, u32) {
    let header = world.open(name).await.header();
    (header.accessed.seconds - START, header.modified.seconds - START)
}

const START: u32 = 1_000_000;

fn on_clusters(test: impl AsyncFn(&World, &dyn Fn(u32))) {
    let by_bytes = MemoryOptions { copyup_by_reference: false, ..MemoryOptions::default() };
    for options in [MemoryOptions::default(), by_bytes] {
        let clock = Arc::new(Clock { seconds: AtomicU32::new(START), rest: ThreadEnv::new(7) });
        let set = |seconds| clock.seconds.store(START + seconds, Ordering::SeqCst);
        block_on(async {
            let world = World::with_env(options, clock.clone()).await;
            test(&world, &set).await;
        });
    }
}

#[test]
fn reads_and_changes_are_recorded_once_an_interval() {
    on_clusters(async |world, set| {
        world.create("a", 4 * MIB).await;
        let image = world.open("a").await;
        set(59);
        image.read(0, 1).await.unwrap();
        image.write(0, Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(times(world, "a").await, (0, 0));
        set(60);
        image.read(0, 1).await.unwrap();
        assert_eq!(times(world, "a").await, (60, 0));
        set(61);
        image.discard(0, MIB).await.unwrap();
        assert_eq!(times(world, "a").await, (60, 61));
        set(119);
        image.read(0, 1).await.unwrap();
        image.write_zeroes(0, 1).await.unwrap();
        assert_eq!(times(world, "a").await, (60, 61));
        set(121);
        image.read(0, 1).await.unwrap();
        let zero = Bytes::from_static(&[0]);
        image.compare_and_write(0, zero.clone(), zero).await.unwrap();
        assert_eq!(times(world, "a").await, (121, 121));
    });
}

#[test]
fn the_verbs_do_not_count_as_changes() {
    on_clusters(async |world, set| {
        world.create("a", 4 * MIB).await;
        world.write("a", 0, b"x").await;
        set(100);
        world.snap("a", "s").await;
        world
            .with("a", async |image| {
                let options = ResizeOptions { allow_shrink: true };
                resize(image, MIB, &options, &NoProgress).await.unwrap();
                image.allocation(0, MIB).await.unwrap();
            })
            .await;
        assert_eq!(times(world, "a").await, (0, 0));
        let snapshot = world.open_at("a", "s").await;
        snapshot.read(0, 1).await.unwrap();
        assert_eq!(times(world, "a").await, (100, 0));
    });
}

/// Whoever reads or copies up through a clone reads its parent.
#[test]
fn a_parent_is_accessed_through_its_clones() {
    on_clusters(async |world, set| {
        world.create("a", 4 * MIB).await;
        world.write("a", 0, b"x").await;
        world.snap("a", "s").await;
        world.protect("a", "s").await;
        world.clone("a", "s", "b", &CloneOptions::default()).await;
        set(60);
        world.read("b", 0, 1).await;
        assert_eq!(times(world, "a").await, (60, 0));
        assert_eq!(times(world, "b").await, (60, 0));
        set(200);
        world.write("b", 0, b"y").await;
        assert_eq!(times(world, "a").await, (200, 0));
        assert_eq!(times(world, "b").await, (60, 200));
        world.clone("a", "s", "c", &CloneOptions::default()).await;
        set(300);
        world.with("c", async |image| flatten(image, &NoProgress).await.unwrap()).await;
        assert_eq!(times(world, "a").await, (300, 0));
        assert_eq!(times(world, "c").await, (200, 200));
    });
}

#[test]
fn an_interval_of_zero_records_nothing() {
    on_clusters(async |world, set| {
        world.create("a", 4 * MIB).await;
        let never =
            Config { atime_update_interval: 0, mtime_update_interval: 0, ..Config::default() };
        let client = world.client.with_config(never);
        let options = crate::OpenOptions::name("a", crate::Access::ReadWrite);
        let image = crate::Image::open(&client, &world.at, options).await.unwrap();
        set(1000);
        image.read(0, 1).await.unwrap();
        image.write(0, Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(times(world, "a").await, (0, 0));
    });
}
