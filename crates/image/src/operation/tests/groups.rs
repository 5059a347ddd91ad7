//! Groups: snapshots of all members at one moment, and what a failure leaves.

use bytes::Bytes;
use futures_util::future::join;
use marcot_format::group::GroupSnapshotState;
use marcot_format::snapshot::SnapshotNamespace;
use marcot_store::Errno;
use marcot_store::memory::MemoryOptions;

use super::dying::dying_at_every_step;
use super::faulty::{Fault, Faulty};
use super::world::{MIB, World, on_all_clusters};
use crate::operation::group::{self, snapshot};
use crate::pool::namespace;
use crate::{Access, Client, Image, Location, NoProgress, OpenOptions, Quiesce, SnapKey};

const MEMBERS: [&str; 2] = ["a", "b"];

/// The group `g` of two images.
async fn grouped(world: &World) {
    let at = &world.at;
    group::create(&world.client, at, "g").await.unwrap();
    for name in MEMBERS {
        world.create(name, MIB).await;
        group::add_image(&world.client, (at, "g"), (at, name)).await.unwrap();
    }
}

async fn take(
    client: &Client,
    world: &World,
    name: &str,
) -> Result<(), snapshot::GroupSnapshotError> {
    snapshot::create(client, &world.at, "g", name, Quiesce::Required).await
}

/// The snapshots of a member that belong to groups.
async fn parts(world: &World, name: &str) -> Vec<SnapKey> {
    let image = world.open(name).await;
    let header = image.header();
    image.close().await.unwrap();
    let of_groups = header
        .snapshots
        .iter()
        .rev()
        .filter(|snapshot| matches!(snapshot.namespace, SnapshotNamespace::Group { .. }));
    of_groups.map(|snapshot| SnapKey::Id(snapshot.id)).collect()
}

async fn first_byte(world: &World, name: &str, snap: SnapKey) -> u8 {
    let options = OpenOptions::name(name, Access::ReadOnly).at(snap);
    let image = Image::open(&world.client, &world.at, options).await.unwrap();
    image.read(0, 1).await.unwrap()[0]
}

#[test]
fn a_namespace_keeps_its_groups() {
    on_all_clusters(async |world| {
        let (client, pool) = (&world.client, world.at.pool);
        let at = Location::new(pool, "ns");
        // As in Ceph nobody asks whether there is such a namespace.
        group::create(client, &at, "g").await.unwrap();
        let refused = namespace::remove(client, pool, "ns").await.unwrap_err();
        assert_eq!(refused.errno(), Errno::NOENT);
        namespace::create(client, pool, "ns").await.unwrap();
        let refused = namespace::remove(client, pool, "ns").await.unwrap_err();
        assert_eq!(refused.errno(), Errno::BUSY);
        group::remove(client, &at, "g").await.unwrap();
        namespace::remove(client, pool, "ns").await.unwrap();
    });
}

/// Who writes to one member, then to the other, is cut at one point of that.
#[test]
fn a_snapshot_is_of_one_moment() {
    on_all_clusters(async |world| {
        grouped(&world).await;
        let writer = world.other_client();
        let open = async |name| {
            let options = OpenOptions::name(name, Access::ReadWrite);
            Image::open(&writer, &world.at, options).await.unwrap()
        };
        let images = [open("a").await, open("b").await];
        let writes = async {
            for round in 1..30 {
                for image in &images {
                    image.write(0, Bytes::from(vec![round; 4096])).await.unwrap();
                }
            }
        };
        let snapshots = async {
            for name in ["one", "two", "three"] {
                take(&world.client, &world, name).await.unwrap();
            }
        };
        join(writes, snapshots).await;
        for image in images {
            image.close().await.unwrap();
        }
        let (first, second) = (parts(&world, "a").await, parts(&world, "b").await);
        assert_eq!((first.len(), second.len()), (3, 3));
        for (first, second) in first.into_iter().zip(second) {
            let first = first_byte(&world, "a", first).await;
            let second = first_byte(&world, "b", second).await;
            assert!(first == second || first == second + 1, "{first} beside {second}");
        }
    });
}

#[test]
fn snapshots_at_once_wait_for_each_other() {
    on_all_clusters(async |world| {
        grouped(&world).await;
        let other = world.other_client();
        let both = join(take(&world.client, &world, "one"), take(&other, &world, "two")).await;
        assert_eq!(both, (Ok(()), Ok(())));
        let taken = snapshot::list(&world.client, &world.at, "g").await.unwrap();
        assert_eq!(taken.len(), 2);
        assert!(taken.iter().all(|one| one.state == GroupSnapshotState::Complete));
        world.write("a", 0, b"changed").await;
        snapshot::rollback(&world.client, &world.at, "g", "one", &NoProgress).await.unwrap();
        assert_eq!(world.read("a", 0, 7).await, [0; 7].as_slice());
        group::remove(&world.client, &world.at, "g").await.unwrap();
        for name in MEMBERS {
            assert_eq!(parts(&world, name).await, []);
            world.remove(name).await;
        }
    });
}

/// Whichever write of it fails: no member keeps a part of a snapshot that the group does not list,
/// and what is listed can be removed.
#[test]
fn a_failed_snapshot_can_be_taken_again() {
    for fail_at in 0.. {
        let failed = pollster::block_on(async {
            let world = World::new(MemoryOptions::default()).await;
            grouped(&world).await;
            let (store, client) = Faulty::client(&world, Fault::Fails, fail_at);
            let outcome = take(&client, &world, "s").await;
            drop(client);
            let at = &world.at;
            let listed = snapshot::list(&world.client, at, "g").await.unwrap();
            let complete = |one: &marcot_format::group::GroupSnapshot| {
                one.state == GroupSnapshotState::Complete
            };
            assert!(outcome.is_err() || listed.iter().all(complete), "write {fail_at} failed");
            if listed.is_empty() {
                assert!(outcome.is_err());
                for name in MEMBERS {
                    assert_eq!(parts(&world, name).await, [], "write {fail_at} failed");
                }
            } else {
                snapshot::remove(&world.client, at, "g", "s").await.unwrap();
            }
            take(&world.client, &world, "s").await.unwrap();
            for name in MEMBERS {
                assert_eq!(parts(&world, name).await.len(), 1, "write {fail_at} failed");
            }
            store.has_struck()
        });
        if !failed {
            assert!(fail_at > 10, "it writes more than that");
            return;
        }
    }
}

/// Members come and go with one write failing: afterwards the same can be done again.
#[test]
fn a_failed_change_of_members_can_be_repeated() {
    for fail_at in 0..4 {
        pollster::block_on(async {
            let world = World::new(MemoryOptions::default()).await;
            grouped(&world).await;
            let at = &world.at;
            let key = crate::ImageKey::Name("a".to_owned());
            let (_, client) = Faulty::client(&world, Fault::Fails, fail_at);
            let removed = group::remove_image(&client, (at, "g"), (at, &key)).await;
            if removed.is_err() {
                group::remove_image(&world.client, (at, "g"), (at, &key)).await.unwrap();
            }
            let (_, client) = Faulty::client(&world, Fault::Fails, fail_at);
            if group::add_image(&client, (at, "g"), (at, "a")).await.is_err() {
                group::add_image(&world.client, (at, "g"), (at, "a")).await.unwrap();
            }
            let members = group::images(&world.client, at, "g").await.unwrap();
            assert_eq!(members.len(), 2);
            let attached = marcot_format::group::GroupImageState::Attached;
            assert!(members.iter().all(|member| member.state == attached));
            let refused = crate::operation::remove(&world.client, at, "a", &NoProgress).await;
            assert_eq!(refused.unwrap_err().errno().raw(), 31);
        });
    }
}

#[test]
fn who_dies_over_a_snapshot_leaves_what_can_be_removed() {
    dying_at_every_step(
        grouped,
        async |world, client| take(client, world, "s").await.map_err(|error| error.errno()),
        async |world| {
            let (client, at) = (&world.client, &world.at);
            for left in snapshot::list(client, at, "g").await.unwrap() {
                snapshot::remove(client, at, "g", &left.name).await.unwrap();
            }
            for name in MEMBERS {
                assert_eq!(parts(world, name).await, []);
            }
            take(client, world, "s").await.unwrap();
            group::remove(client, at, "g").await.unwrap();
            for name in MEMBERS {
                world.remove(name).await;
            }
        },
    );
}

#[test]
fn who_dies_over_a_group_leaves_what_can_be_removed() {
    dying_at_every_step(
        async |world| world.create("a", MIB).await,
        async |world, client| {
            let at = &world.at;
            group::create(client, at, "g").await.map_err(|error| error.errno())?;
            let added = group::add_image(client, (at, "g"), (at, "a")).await;
            added.map_err(|error| error.errno())?;
            group::remove(client, at, "g").await.map_err(|error| error.errno())
        },
        async |world| {
            group::remove(&world.client, &world.at, "g").await.unwrap();
            assert_eq!(crate::pool::group::list(&world.client, &world.at).await, Ok(Vec::new()));
            world.remove("a").await;
        },
    );
}
