//! Snapshots: what they hold, how they go, what rollback brings back.

use marcot_format::features::{Features, Flags};
use marcot_format::snapshot::SnapshotNamespace;
use marcot_store::{Errno, SnapId};

use super::images::verify_map;
use super::world::{MIB, on_all_clusters};
use crate::NoProgress;
use crate::config::CloneFormat;
use crate::operation::snapshot::{self, Scope};
use crate::operation::{
    CloneOptions, CreateOptions, Layout, ResizeOptions, create, feature, object_map, resize,
};

#[test]
fn a_snapshot_keeps_what_was() {
    on_all_clusters(async |world| {
        world.create("a", 20 * MIB).await;
        world.write("a", 0, b"one").await;
        world.snap("a", "s1").await;
        world.write("a", 0, b"two").await;
        world.write("a", 9 * MIB, b"nine").await;
        world.snap("a", "s2").await;
        world.write("a", 0, b"now").await;

        for (snap, bytes) in [("s1", "one"), ("s2", "two")] {
            let image = world.open_at("a", snap).await;
            assert_eq!(image.read(0, 3).await.unwrap(), bytes);
        }
        verify_map(&world, "a").await;

        world.with("a", async |image| snapshot::remove(image, "s1").await.unwrap()).await;
        verify_map(&world, "a").await;
        assert_eq!(world.open_at("a", "s2").await.read(0, 3).await.unwrap(), "two");
        world
            .with("a", async |image| {
                let outcome = snapshot::purge(image, &NoProgress).await.unwrap();
                assert_eq!((outcome.total, outcome.protected), (1, vec![]));
            })
            .await;
        verify_map(&world, "a").await;
        assert_eq!(world.read("a", 0, 3).await, "now");
        world.remove("a").await;
    });
}

#[test]
fn rollback_brings_back_bytes_and_size() {
    on_all_clusters(async |world| {
        world.create("a", 20 * MIB).await;
        world.write("a", 0, b"one").await;
        world.write("a", 13 * MIB, b"far").await;
        world.snap("a", "s1").await;
        world.write("a", 0, b"two").await;
        world.write("a", 9 * MIB, b"nine").await;
        world.snap("a", "s2").await;
        world
            .with("a", async |image| {
                let shrink = ResizeOptions { allow_shrink: true };
                resize(image, 10 * MIB, &shrink, &NoProgress).await.unwrap();
                snapshot::rollback(image, "s1", &NoProgress).await.unwrap();
                assert_eq!(image.header().size, 20 * MIB);
                assert_eq!(image.read(0, 3).await.unwrap(), "one");
                assert_eq!(image.read(9 * MIB, 4).await.unwrap(), vec![0; 4]);
                assert_eq!(image.read(13 * MIB, 3).await.unwrap(), "far");
            })
            .await;
        verify_map(&world, "a").await;
        assert_eq!(world.open_at("a", "s2").await.read(0, 3).await.unwrap(), "two");
        world
            .with("a", async |image| snapshot::rollback(image, "s2", &NoProgress).await.unwrap())
            .await;
        assert_eq!(world.read("a", 9 * MIB, 4).await, "nine");
        verify_map(&world, "a").await;
    });
}

#[test]
fn protected_snapshots_outlive_a_purge() {
    on_all_clusters(async |world| {
        world.create("a", MIB).await;
        for snap in ["s1", "s2", "s3"] {
            world.snap("a", snap).await;
        }
        world.protect("a", "s2").await;
        world
            .with("a", async |image| {
                let outcome = snapshot::purge(image, &NoProgress).await.unwrap();
                assert_eq!((outcome.total, outcome.protected), (3, vec!["s2".to_owned()]));
                snapshot::unprotect(image, "s2").await.unwrap();
                snapshot::rename(image, "s2", "t").await.unwrap();
                let names: Vec<_> = snapshot::list(&image.header(), Scope::User)
                    .iter()
                    .map(|snapshot| snapshot.name.clone())
                    .collect();
                assert_eq!(names, ["t"]);
            })
            .await;
    });
}

#[test]
fn a_limit_is_a_limit() {
    on_all_clusters(async |world| {
        world.create("a", MIB).await;
        world
            .with("a", async |image| {
                assert_eq!(snapshot::limit(image).await.unwrap(), None);
                snapshot::set_limit(image, 2).await.unwrap();
                assert_eq!(snapshot::limit(image).await.unwrap(), Some(2));
                snapshot::create(image, "s1").await.unwrap();
                snapshot::create(image, "s2").await.unwrap();
                let refused = snapshot::create(image, "s3").await.unwrap_err();
                assert_eq!(refused.errno(), Errno::DQUOT);
                let refused = snapshot::set_limit(image, 1).await.unwrap_err();
                assert_eq!(refused.errno(), Errno::RANGE);
                snapshot::clear_limit(image).await.unwrap();
                snapshot::create(image, "s3").await.unwrap();
            })
            .await;
    });
}

#[test]
fn a_removed_snapshot_waits_for_its_last_clone() {
    on_all_clusters(async |world| {
        world.create("a", 8 * MIB).await;
        world.write("a", 0, b"base").await;
        world.snap("a", "s").await;
        let v2 = CloneOptions { format: Some(CloneFormat::V2), ..CloneOptions::default() };
        world.clone("a", "s", "b", &v2).await;
        world.clone("a", "s", "c", &v2).await;
        world.with("a", async |image| snapshot::remove(image, "s").await.unwrap()).await;
        let trashed = async || {
            let header = world.open("a").await.header();
            let trash = |namespace: &_| matches!(namespace, SnapshotNamespace::Trash { .. });
            header.snapshots.iter().filter(|snapshot| trash(&snapshot.namespace)).count()
        };
        assert_eq!(trashed().await, 1);
        world
            .with("b", async |image| crate::operation::flatten(image, &NoProgress).await.unwrap())
            .await;
        assert_eq!(trashed().await, 1);
        assert_eq!(world.read("c", 0, 4).await, "base");
        world.remove("c").await;
        assert_eq!(trashed().await, 0);
        assert_eq!(world.read("b", 0, 4).await, "base");
    });
}

/// Nobody tells who only reads that the snapshot was removed.
#[test]
fn a_removed_snapshot_is_never_zeros() {
    use marcot_format::features::Features;
    use marcot_store::Errno;

    for features in [Features::LAYERING, Features::DEFAULT] {
        on_all_clusters(async |world| {
            let layout = Layout { features: Some(features), ..Layout::default() };
            let options = CreateOptions { size: 20 * MIB, layout, ..CreateOptions::default() };
            crate::operation::create(&world.client, &world.at, "a", &options).await.unwrap();
            world.write("a", 0, b"old").await;
            world.snap("a", "s").await;
            world.with("a", async |a| a.discard(0, 20 * MIB).await.unwrap()).await;
            let (reader, idle) = (world.open_at("a", "s").await, world.open_at("a", "s").await);
            assert_eq!(reader.read(0, 3).await.unwrap(), "old");
            assert_eq!(reader.read(8 * MIB, 3).await.unwrap(), "\0\0\0");
            world.with("a", async |a| snapshot::remove(a, "s").await.unwrap()).await;
            for image in [&reader, &idle] {
                match image.read(0, 3).await {
                    Ok(bytes) => assert_eq!(bytes, "old"),
                    Err(error) => assert_eq!(error.errno(), Errno::NOENT),
                }
                match image.allocation(0, 4 * MIB).await {
                    Ok(found) => assert_eq!(found[0].state, crate::AllocationState::Data),
                    Err(error) => assert_eq!(error.errno(), Errno::NOENT),
                }
            }
        });
    }
}

/// What the map of a snapshot lacks is not asked for.
#[test]
fn an_opened_snapshot_believes_its_own_map() {
    use marcot_store::{WriteOp, WriteStep};

    on_all_clusters(async |world| {
        world.create("a", 20 * MIB).await;
        world.snap("a", "s").await;
        let image = world.open_at("a", "s").await;
        // Without a snapshot context the snapshot shows it too: nobody does that to an image.
        let write = WriteStep::Write { offset: 0, data: bytes::Bytes::from_static(b"new") };
        let object = image.header().data_object(1);
        world.client.store.write(&object, WriteOp::new(vec![write])).await.unwrap();
        assert_eq!(image.read(4 * MIB, 3).await.unwrap(), "\0\0\0");
    });
}

#[test]
fn a_rolled_back_map_calls_nothing_clean() {
    // Every object has been written to by the rollback, whatever the snapshot's map says.
    for snap in ["s1", "s2", "s3"] {
        on_all_clusters(async |world| {
            world.create("a", 20 * MIB).await;
            world.write("a", 0, b"kept").await;
            world.write("a", 9 * MIB, b"old").await;
            for name in ["s1", "s2"] {
                world.snap("a", name).await;
            }
            world.write("a", 9 * MIB, b"new").await;
            world.snap("a", "s3").await;
            world.write("a", 17 * MIB, b"newest").await;
            world
                .with("a", async |image| {
                    snapshot::rollback(image, snap, &NoProgress).await.unwrap();
                })
                .await;
            verify_map(&world, "a").await;
            world.snap("a", "s4").await;
            verify_map(&world, "a").await;
        });
    }
}

#[test]
fn a_distrusted_map_that_goes_leaves_the_next_one_distrusted() {
    on_all_clusters(async |world| {
        let plain = Features::LAYERING | Features::EXCLUSIVE_LOCK;
        let layout = Layout { features: Some(plain), ..Layout::default() };
        let options = CreateOptions { size: 9 * MIB, layout, ..CreateOptions::default() };
        create(&world.client, &world.at, "a", &options).await.unwrap();
        world.snap("a", "s").await;
        world
            .with("a", async |image| {
                feature::enable(image, Features::OBJECT_MAP).await.unwrap();
                object_map::rebuild(image, SnapId::HEAD, &NoProgress).await.unwrap();
                assert_eq!(image.header().flags, Flags::NONE);
                snapshot::remove(image, "s").await.unwrap();
                assert_eq!(image.header().flags, Flags::ALL);
            })
            .await;
    });
}
