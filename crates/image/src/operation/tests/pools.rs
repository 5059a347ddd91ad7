//! Whole pools from one cluster in memory to another.

use std::sync::Arc;

use bytes::Bytes;
use marcot_store::memory::MemoryOptions;
use marcot_store::{Cluster as _, Errno, ListQuery, PoolId, SnapId, Store, WriteOp, WriteStep};
use pollster::block_on;

use super::faulty::{Fault, Faulty};
use super::images::verify_map;
use super::world::{MIB, World};
use crate::config::CloneFormat;
use crate::operation::{CloneOptions, CloneTarget, clone, snapshot};
use crate::transfer::pools::{CopyPoolsError, Related, Report, Request, copy};
use crate::{Access, Location, NoProgress, OpenOptions, Progress};

/// Clones of both formats across pools, snapshots taken and removed, and pools whose ids differ
/// from those at the other end.
async fn source() -> World {
    let world = World::new(MemoryOptions::default()).await;
    world.add_pool("others").await;
    world.create("a", 2 * MIB).await;
    world.write("a", 0, b"zero").await;
    world.write("a", MIB, b"nine").await;
    for (snap, data) in [("s1", &b"one"[..]), ("s2", b"two"), ("s3", b"three")] {
        world.snap("a", snap).await;
        world.write("a", 4096, data).await;
    }
    world.with("a", async |image| snapshot::remove(image, "s2").await.unwrap()).await;
    world.protect("a", "s1").await;
    for (name, format) in [("b1", CloneFormat::V1), ("b2", CloneFormat::V2)] {
        let location = Location::new(PoolId(2), "");
        let target = CloneTarget { location, name: name.to_owned() };
        let options = CloneOptions { format: Some(format), ..CloneOptions::default() };
        clone(&world.client, &world.source("a", "s1"), &target, &options).await.unwrap();
    }
    // Written again with what it held.
    world.create("d", MIB).await;
    world.write("d", 0, b"same").await;
    world.snap("d", "s").await;
    world.write("d", 0, b"same").await;
    // Written, snapshotted and gone from the head: only a clone is left of its object.
    world.create("c", MIB).await;
    world.write("c", 0, b"gone").await;
    world.snap("c", "s").await;
    world.with("c", async |image| image.discard(0, MIB).await.unwrap()).await;
    world
}

/// A cluster that another says it is, and whose n-th write fails.
async fn destination(fail_at: i64) -> (World, Arc<Faulty>) {
    let world = World::new(MemoryOptions::default()).await;
    for name in ["x", "y"] {
        world.add_pool(name).await;
    }
    let store = Faulty::store(&world, Fault::Fails, fail_at, Some("elsewhere"));
    (world, store)
}

fn both() -> Request {
    Request { pools: vec!["rbd".to_owned(), "others".to_owned()], related: Related::Refused }
}

async fn content(world: &World, pool: i64, name: &str, snap: Option<&str>) -> Bytes {
    let options = OpenOptions::name(name, Access::ReadOnly);
    let options = match snap {
        Some(snap) => options.at(crate::SnapKey::Name(snap.to_owned())),
        None => options,
    };
    let at = Location::new(PoolId(pool), "");
    let image = crate::Image::open(&world.client, &at, options).await.unwrap();
    let bytes = image.read(0, image.view().size).await.unwrap();
    image.close().await.unwrap();
    bytes
}

/// Everything in the copy is as in the source; `others` has another id there.
async fn check(from: &World, to: &World, others: i64) {
    for (here, there, name, snap) in [
        (1, 1, "a", None),
        (1, 1, "a", Some("s1")),
        (1, 1, "a", Some("s3")),
        (1, 1, "c", None),
        (1, 1, "c", Some("s")),
        (2, others, "b1", None),
        (2, others, "b2", None),
    ] {
        let wanted = content(from, here, name, snap).await;
        assert!(wanted == content(to, there, name, snap).await, "{name}@{snap:?}");
    }
    to.with("a", async |image| {
        let children = crate::operation::children(image).await.unwrap();
        let mut names: Vec<String> = children.iter().map(crate::operation::Child::spec).collect();
        names.sort();
        assert_eq!(names, ["others/b1", "others/b2"]);
        // No snapshot gets the id of one that there was, the removed ones included.
        snapshot::create(image, "new").await.unwrap();
        let header = image.header();
        let newest = header.snapshots.iter().map(|snap| snap.id).max().unwrap();
        assert!(newest > SnapId(5), "{newest:?}");
    })
    .await;
    verify_map(to, "a").await;
}

async fn pool_id(store: &dyn Store, name: &str) -> i64 {
    let pools = store.list_pools().await.unwrap();
    pools.iter().find(|pool| pool.name == name).unwrap().id.0
}

#[test]
fn copies_show_what_their_sources_show() {
    block_on(async {
        let from = source().await;
        let (to, store) = destination(i64::MAX).await;
        let report = copy(&*from.client.store, &*store, &both(), &NoProgress).await.unwrap();
        assert_eq!(report.pools, ["rbd", "others"]);
        let others = pool_id(&*store, "others").await;
        assert_ne!(others, 2, "else nothing has to be written anew");
        check(&from, &to, others).await;
    });
}

#[test]
fn a_copy_that_ended_at_any_write_is_taken_up_again() {
    for fail_at in 0.. {
        let ended = block_on(async {
            let from = source().await;
            let (to, store) = destination(fail_at).await;
            let first = copy(&*from.client.store, &*store, &both(), &NoProgress).await;
            if !store.has_struck() {
                return true;
            }
            assert_eq!(first.unwrap_err().errno(), Errno::IO);
            copy(&*from.client.store, &*store, &both(), &NoProgress).await.unwrap();
            check(&from, &to, pool_id(&*store, "others").await).await;
            false
        });
        if ended {
            assert!(fail_at > 30, "that is more than {fail_at} writes");
            return;
        }
    }
}

#[test]
fn pools_that_are_needed_are_named_or_taken_along() {
    block_on(async {
        let from = source().await;
        let (_to, store) = destination(i64::MAX).await;
        let one = |related| Request { pools: vec!["others".to_owned()], related };
        let refused = copy(&*from.client.store, &*store, &one(Related::Refused), &NoProgress).await;
        let Err(CopyPoolsError::Related { missing, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(missing, ["rbd"]);
        let names = store.list_pools().await.unwrap();
        assert!(names.iter().all(|pool| pool.name != "others"), "nothing is made before");
        let taken =
            copy(&*from.client.store, &*store, &one(Related::TakenAlong), &NoProgress).await;
        let Report { pools, .. } = taken.unwrap();
        assert_eq!(pools, ["rbd", "others"]);
    });
}

#[test]
fn images_in_use_and_pools_in_use_are_refused() {
    block_on(async {
        let from = source().await;
        let (to, store) = destination(i64::MAX).await;
        let open = from.open("a").await;
        let refused = copy(&*from.client.store, &*store, &both(), &NoProgress).await.unwrap_err();
        assert!(matches!(refused, CopyPoolsError::InUse { .. }), "{refused}");
        open.close().await.unwrap();
        to.create("mine", MIB).await;
        let refused = copy(&*from.client.store, &*store, &both(), &NoProgress).await.unwrap_err();
        assert!(matches!(&refused, CopyPoolsError::Occupied(pool) if pool == "rbd"), "{refused}");
        assert_eq!(refused.errno(), Errno::EXIST);
        let own = copy(&*from.client.store, &*from.client.store, &both(), &NoProgress).await;
        assert!(matches!(own, Err(CopyPoolsError::SameStore)));
    });
}

/// Writes a byte into the copy of some data once everything is copied and nothing compared.
struct Meddler {
    store: Arc<dyn Store>,
    pool: PoolId,
}

impl Progress for Meddler {
    fn update(&self, done: u64, total: u64) {
        if done * 2 != total {
            return;
        }
        block_on(async {
            let query = ListQuery { pool: self.pool, namespace: None, cursor: None, max: 1000 };
            let objects = self.store.list_objects(query).await.unwrap().objects;
            let data = objects.iter().find(|object| object.name.starts_with("rbd_data."));
            let step = WriteStep::Write { offset: 1, data: Bytes::from_static(b"?") };
            self.store.write(data.unwrap(), WriteOp::new(vec![step])).await.unwrap();
        });
    }
}

#[test]
fn the_comparison_finds_what_differs() {
    block_on(async {
        let from = World::new(MemoryOptions::default()).await;
        from.create("a", 4 * MIB).await;
        from.write("a", 0, b"data").await;
        let (to, store) = destination(i64::MAX).await;
        let inner = Arc::clone(&store.inner);
        let one = Request { pools: vec!["rbd".to_owned()], related: Related::Refused };
        let meddler = Meddler { store: inner, pool: PoolId(1) };
        let refused = copy(&*from.client.store, &*store, &one, &meddler).await.unwrap_err();
        assert!(matches!(refused, CopyPoolsError::Differs { what: "its data", .. }), "{refused}");
        // What is not complete is nobody's source.
        let (_third, third) = destination(i64::MAX).await;
        let again = copy(&*store.inner, &*third, &one, &NoProgress).await.unwrap_err();
        assert!(matches!(again, CopyPoolsError::Unfinished(_)), "{again}");
        // And the next attempt sets it right.
        copy(&*from.client.store, &*store, &one, &NoProgress).await.unwrap();
        assert_eq!(content(&to, 1, "a", None).await, content(&from, 1, "a", None).await);
    });
}
