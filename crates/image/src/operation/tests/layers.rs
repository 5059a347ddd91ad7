//! Clones: what they show, how they are linked, how they are cut loose.

use bytes::Bytes;
use marcot_format::features::Features;
use marcot_store::memory::MemoryOptions;
use marcot_store::{Errno, PoolId};

use super::faulty::{Fault, Faulty};
use super::images::verify_map;
use super::world::{MIB, World, on_all_clusters};
use crate::config::CloneFormat;
use crate::operation::{
    CloneOptions, Layout, children, clone, copy, flatten, image_meta, snapshot,
};
use crate::pool::namespace;
use crate::{Access, Image, IoError, Location, NoProgress, OpenOptions};

async fn family(world: &World, format: CloneFormat) {
    world.create("a", 20 * MIB).await;
    world.write("a", 0, b"zero").await;
    world.write("a", 9 * MIB, b"nine").await;
    world.with("a", async |image| image_meta::set(image, "k", "v").await.unwrap()).await;
    world.snap("a", "s").await;
    world.protect("a", "s").await;
    let options = CloneOptions { format: Some(format), ..CloneOptions::default() };
    world.clone("a", "s", "b", &options).await;
}

async fn child_names(world: &World, name: &str) -> Vec<String> {
    let found = world.with(name, async |image| children(image).await.unwrap()).await;
    found.iter().map(crate::operation::Child::spec).collect()
}

#[test]
fn clones_show_their_parent_until_written() {
    for format in [CloneFormat::V1, CloneFormat::V2] {
        on_all_clusters(async |world| {
            family(&world, format).await;
            assert_eq!(child_names(&world, "a").await, ["rbd/b"]);
            world.write("b", 2, b"RO").await;
            assert_eq!(world.read("b", 0, 4).await, "zeRO");
            assert_eq!(world.read("b", 9 * MIB, 4).await, "nine");
            assert_eq!(world.read("a", 0, 4).await, "zero");
            world
                .with("b", async |image| {
                    assert_eq!(image_meta::get(image, "k").await.unwrap(), b"v");
                })
                .await;
            verify_map(&world, "b").await;
            world.remove("b").await;
            assert!(child_names(&world, "a").await.is_empty());
            world.with("a", async |image| snapshot::unprotect(image, "s").await.unwrap()).await;
        });
    }
}

#[test]
fn unprotect_names_who_is_in_the_way() {
    on_all_clusters(async |world| {
        family(&world, CloneFormat::V1).await;
        world.add_pool("other").await;
        let target = crate::operation::CloneTarget {
            location: Location::new(PoolId(2), ""),
            name: "c".to_owned(),
        };
        let options = CloneOptions::default();
        clone(&world.client, &world.source("a", "s"), &target, &options).await.unwrap();
        world
            .with("a", async |image| {
                let refused = snapshot::unprotect(image, "s").await.unwrap_err();
                assert_eq!(refused.errno(), Errno::BUSY);
                assert_eq!(refused.to_string(), "snapshot s has clones: other/c, rbd/b");
                let refused = snapshot::remove(image, "s").await.unwrap_err();
                assert_eq!(refused.errno(), Errno::BUSY);
            })
            .await;
    });
}

#[test]
fn a_flattened_clone_stands_alone_with_its_snapshots() {
    for format in [CloneFormat::V1, CloneFormat::V2] {
        on_all_clusters(async |world| {
            family(&world, format).await;
            world.write("b", 2, b"RO").await;
            world.snap("b", "t").await;
            world.write("b", 0, b"ZE").await;
            world.with("b", async |image| flatten(image, &NoProgress).await.unwrap()).await;
            let image = world.open("b").await;
            assert!(image.header().parent.is_none());
            let again = flatten(&image, &NoProgress).await.unwrap_err();
            assert_eq!(again.errno(), Errno::INVAL);
            image.close().await.unwrap();
            verify_map(&world, "b").await;

            world
                .with("a", async |image| {
                    snapshot::unprotect(image, "s").await.unwrap();
                    snapshot::remove(image, "s").await.unwrap();
                })
                .await;
            world.remove("a").await;
            assert_eq!(world.read("b", 0, 4).await, "ZERO");
            let then = world.open_at("b", "t").await;
            assert_eq!(then.read(0, 4).await.unwrap(), "zeRO");
            assert_eq!(then.read(9 * MIB, 4).await.unwrap(), "nine");
        });
    }
}

#[test]
fn a_flatten_leaves_what_snapshots_have_changed() {
    on_all_clusters(async |world| {
        family(&world, CloneFormat::V2).await;
        world.write("b", 2, b"RO").await;
        world.snap("b", "t").await;
        world.write("b", 0, b"ZE").await;
        // Changed since "t": a difference between the two must show it after the flatten, too.
        world.snap("b", "u").await;
        world.with("b", async |image| flatten(image, &NoProgress).await.unwrap()).await;
        verify_map(&world, "b").await;
    });
}

#[test]
fn layouts_and_features_are_inherited_or_given() {
    on_all_clusters(async |world| {
        family(&world, CloneFormat::V1).await;
        let smaller = Layout {
            order: Some(16),
            stripe_unit: Some(4096),
            stripe_count: Some(2),
            features: Some(Features::LAYERING),
            ..Layout::default()
        };
        let smaller = CloneOptions { format: None, layout: smaller };
        world.clone("a", "s", "c", &smaller).await;
        world.write("c", 9 * MIB + 1, b"I").await;
        assert_eq!(world.read("c", 9 * MIB, 4).await, "nIne");
        world.with("c", async |image| flatten(image, &NoProgress).await.unwrap()).await;
        assert_eq!(world.read("c", 0, 4).await, "zero");
        let header = world.open("c").await.header();
        assert_eq!(header.features, Features::LAYERING | Features::STRIPING);
        let header = world.open("b").await.header();
        assert_eq!(header.features, Features::DEFAULT);
        let layout = Layout { order: Some(20), ..Layout::default() };
        let order_only = CloneOptions { format: None, layout };
        let (source, target) = (world.source("a", "s"), world.target("d"));
        let refused = clone(&world.client, &source, &target, &order_only).await.unwrap_err();
        assert_eq!(refused.errno(), Errno::INVAL);
    });
}

#[test]
fn clones_of_clones_cross_namespaces() {
    on_all_clusters(async |world| {
        namespace::create(&world.client, world.at.pool, "ns").await.unwrap();
        family(&world, CloneFormat::V2).await;
        world.write("b", 0, b"bbbb").await;
        world.snap("b", "t").await;
        let inside = Location::new(world.at.pool, "ns");
        let target =
            crate::operation::CloneTarget { location: inside.clone(), name: "c".to_owned() };
        let source = world.source("b", "t");
        let v1 = CloneOptions { format: Some(CloneFormat::V1), ..CloneOptions::default() };
        let refused = clone(&world.client, &source, &target, &v1).await.unwrap_err();
        assert_eq!(refused.errno(), Errno::XDEV);
        let v2 = CloneOptions { format: Some(CloneFormat::V2), ..CloneOptions::default() };
        clone(&world.client, &source, &target, &v2).await.unwrap();
        assert_eq!(child_names(&world, "b").await, ["rbd/ns/c"]);
        let options = OpenOptions::name("c", Access::ReadWrite);
        let image = crate::Image::open(&world.client, &inside, options).await.unwrap();
        assert_eq!(image.read(0, 4).await.unwrap(), "bbbb");
        assert_eq!(image.read(9 * MIB, 4).await.unwrap(), "nine");
        image.close().await.unwrap();
        let busy = namespace::remove(&world.client, world.at.pool, "ns").await.unwrap_err();
        assert_eq!(busy.errno(), Errno::BUSY);
    });
}

#[test]
fn a_copy_has_no_parent_and_its_own_bytes() {
    on_all_clusters(async |world| {
        family(&world, CloneFormat::V1).await;
        world.write("b", 2, b"RO").await;
        let source = world.open("b").await;
        let layout = Layout::default();
        copy(&source, &world.client, &world.at, "c", &layout, &NoProgress).await.unwrap();
        source.close().await.unwrap();
        let image = world.open("c").await;
        assert!(image.header().parent.is_none());
        assert_eq!(image.read(0, 4).await.unwrap(), "zeRO");
        assert_eq!(image.read(9 * MIB, 4).await.unwrap(), "nine");
        assert_eq!(image_meta::get(&image, "k").await.unwrap(), b"v");
        image.close().await.unwrap();
        verify_map(&world, "c").await;
    });
}

/// How many data objects an image has.
async fn data_objects(world: &World, name: &str) -> usize {
    let prefix = format!("{}.", world.open(name).await.header().object_prefix);
    world.objects().await.iter().filter(|object| object.starts_with(&prefix)).count()
}

#[test]
fn a_comparison_that_fails_where_no_parent_has_bytes_leaves_no_object() {
    on_all_clusters(async |world| {
        family(&world, CloneFormat::V2).await;
        world
            .with("b", async |image| {
                let swap = |old: &'static [u8]| {
                    let new = b"mine".as_slice().into();
                    image.compare_and_write(5 * MIB, Bytes::from_static(old), new)
                };
                assert!(matches!(swap(b"none").await, Err(IoError::Mismatch { .. })));
                assert_eq!(data_objects(&world, "b").await, 0);
                swap(b"\0\0\0\0").await.unwrap();
            })
            .await;
        assert_eq!(data_objects(&world, "b").await, 1);
        assert_eq!(world.read("b", 5 * MIB, 4).await, "mine");
        verify_map(&world, "b").await;
    });
}

#[test]
fn a_flatten_makes_no_objects_of_zeros() {
    const ZEROS: [u8; 8192] = [0; 8192];
    let layouts: [(Option<u8>, Features); 3] =
        [(None, Features::DEFAULT), (Some(20), Features::DEFAULT), (Some(20), Features::LAYERING)];
    for (order, features) in layouts {
        on_all_clusters(async |world| {
            world.create("a", 20 * MIB).await;
            world.write("a", 0, &ZEROS).await;
            world.write("a", 9 * MIB, b"nine").await;
            world.snap("a", "s").await;
            let format = Some(CloneFormat::V2);
            let features = Some(features);
            let (stripe_unit, stripe_count) = (order.map(|order| 1 << order), order.map(|_| 1));
            let rest = Layout { stripe_unit, stripe_count, ..Layout::default() };
            let options = CloneOptions { format, layout: Layout { order, features, ..rest } };
            world.clone("a", "s", "b", &options).await;
            world.with("b", async |image| flatten(image, &NoProgress).await.unwrap()).await;
            assert_eq!(data_objects(&world, "b").await, 1, "{order:?} {features:?}");
            assert_eq!(world.read("b", 9 * MIB, 4).await, "nine");
            if features.is_some_and(|all| all.contains(Features::OBJECT_MAP)) {
                verify_map(&world, "b").await;
            }
        });
    }
}

#[test]
fn who_flattens_for_others_leaves_room_for_a_guest() {
    pollster::block_on(async {
        let world = World::new(MemoryOptions::default()).await;
        world.create("a", 240 * MIB).await;
        world
            .with("a", async |image| {
                for object in 0..60 {
                    image.write(object * 4 * MIB, Bytes::from_static(b"data")).await.unwrap();
                }
            })
            .await;
        world.snap("a", "s").await;
        world.protect("a", "s").await;
        let options = CloneOptions::default();
        world.clone("a", "s", "alone", &options).await;
        world.clone("a", "s", "served", &options).await;
        let (store, client) = Faulty::client(&world, Fault::Fails, i64::MAX);
        let open =
            |name| Image::open(&client, &world.at, OpenOptions::name(name, Access::ReadWrite));

        let image = open("alone").await.unwrap();
        flatten(&image, &NoProgress).await.unwrap();
        image.close().await.unwrap();
        assert_eq!(store.most_copyups(), 48);

        let server = open("served").await.unwrap();
        server.write(0, Bytes::from_static(b"mine")).await.unwrap();
        store.most_copyups();
        world.with("served", async |image| flatten(image, &NoProgress).await.unwrap()).await;
        assert_eq!(store.most_copyups(), 10, "who holds the lock did it");
        assert_eq!(server.read(4 * MIB, 4).await.unwrap(), "data");
        server.close().await.unwrap();
    });
}
