//! Creating, renaming, resizing, removing; features, maps, metadata, usage.

use marcot_format::features::{Features, Flags};
use marcot_store::{Errno, SnapId};

use super::world::{MIB, World, on_all_clusters};
use crate::operation::object_map::{Verdict, check, rebuild};
use crate::operation::snapshot;
use crate::operation::{
    CreateOptions, Layout, Precision, ResizeOptions, UsageOptions, create, disk_usage, feature,
    image_meta, remove, rename, resize,
};
use crate::pool::directory;
use crate::{Location, NoProgress};

#[test]
fn an_image_lives_and_dies() {
    on_all_clusters(async |world| {
        world.create("a", 20 * MIB).await;
        world.write("a", 9 * MIB, b"nine").await;
        assert_eq!(world.read("a", 9 * MIB, 4).await, "nine");

        rename(&world.client, &world.at, "a", "b").await.unwrap();
        let names = directory::list(&world.client, &world.at).await.unwrap();
        assert_eq!(names.iter().map(|entry| &*entry.name).collect::<Vec<_>>(), ["b"]);
        assert_eq!(world.read("b", 9 * MIB, 4).await, "nine");

        world.remove("b").await;
        assert_eq!(world.objects().await, ["rbd_directory", "rbd_info", "rbd_trash"]);
        assert!(directory::list(&world.client, &world.at).await.unwrap().is_empty());
    });
}

#[test]
fn a_resize_keeps_what_is_below_and_forgets_what_is_above() {
    on_all_clusters(async |world| {
        world.create("a", 20 * MIB).await;
        world.write("a", 5 * MIB, b"kept").await;
        world.write("a", 7 * MIB, b"cut").await;
        world.write("a", 13 * MIB, b"gone").await;
        let shrink = ResizeOptions { allow_shrink: true };
        let set = async |size, options| {
            world.with("a", async |image| resize(image, size, &options, &NoProgress).await).await
        };
        let refused = set(6 * MIB, ResizeOptions::default()).await.unwrap_err();
        assert_eq!(refused.errno(), Errno::INVAL);
        set(6 * MIB, shrink).await.unwrap();
        set(24 * MIB, ResizeOptions::default()).await.unwrap();
        assert_eq!(world.read("a", 5 * MIB, 4).await, "kept");
        assert_eq!(world.read("a", 7 * MIB, 3).await, vec![0; 3]);
        assert_eq!(world.read("a", 13 * MIB, 4).await, vec![0; 4]);
        verify_map(&world, "a").await;
    });
}

#[test]
fn a_striped_image_in_a_data_pool() {
    on_all_clusters(async |world| {
        world.add_pool("data").await;
        let options = CreateOptions {
            size: 3 * MIB,
            layout: Layout {
                order: Some(16),
                stripe_unit: Some(4096),
                stripe_count: Some(3),
                data_pool: Some("data".to_owned()),
                ..Layout::default()
            },
            ..CreateOptions::default()
        };
        create(&world.client, &world.at, "a", &options).await.unwrap();
        world.write("a", 10_000, b"over a stripe unit or two").await;
        assert_eq!(world.read("a", 10_000, 25).await, "over a stripe unit or two");
        assert!(!world.objects().await.iter().any(|name| name.starts_with("rbd_data")));
        world
            .with("a", async |image| {
                let shrink = ResizeOptions { allow_shrink: true };
                resize(image, 10_004, &shrink, &NoProgress).await.unwrap();
                resize(image, MIB, &shrink, &NoProgress).await.unwrap();
            })
            .await;
        assert_eq!(world.read("a", 10_000, 8).await, "over\0\0\0\0");
        verify_map(&world, "a").await;
        world.remove("a").await;
    });
}

#[test]
fn features_come_and_go_with_their_maps() {
    on_all_clusters(async |world| {
        world.create("a", 20 * MIB).await;
        world.write("a", 9 * MIB, b"nine").await;
        world.snap("a", "s").await;
        let lock_and_map = Features::EXCLUSIVE_LOCK | Features::OBJECT_MAP;
        world
            .with("a", async |image| {
                let refused = feature::disable(image, Features::EXCLUSIVE_LOCK).await.unwrap_err();
                assert_eq!(refused.errno(), Errno::INVAL);
                feature::disable(image, lock_and_map).await.unwrap();
                assert_eq!(image.header().features, Features::LAYERING | Features::DEEP_FLATTEN);
            })
            .await;
        assert!(!world.objects().await.iter().any(|name| name.starts_with("rbd_object_map")));
        world.write("a", MIB, b"one").await;
        world
            .with("a", async |image| {
                feature::enable(image, Features::EXCLUSIVE_LOCK).await.unwrap();
                feature::enable(image, Features::FAST_DIFF).await.unwrap();
                assert_eq!(image.header().features, Features::DEFAULT);
                assert_eq!(image.header().flags, Flags::ALL);
                for snap in [image.header().snapshots[0].id, SnapId::HEAD] {
                    rebuild(image, snap, &NoProgress).await.unwrap();
                }
                assert_eq!(image.header().flags, Flags::NONE);
            })
            .await;
        verify_map(&world, "a").await;
        assert_eq!(world.read("a", 9 * MIB, 4).await, "nine");
    });
}

#[test]
fn metadata_is_kept() {
    on_all_clusters(async |world| {
        world.create("a", MIB).await;
        world
            .with("a", async |image| {
                for number in 0..9 {
                    image_meta::set(image, &format!("key{number}"), "old").await.unwrap();
                }
                image_meta::set(image, "key3", "new").await.unwrap();
                image_meta::remove(image, "key4").await.unwrap();
                let missing = image_meta::remove(image, "key4").await.unwrap_err();
                assert_eq!(missing.errno(), Errno::NOENT);
                assert_eq!(image_meta::get(image, "key3").await.unwrap(), b"new");
                assert_eq!(image_meta::list(image).await.unwrap().len(), 8);
            })
            .await;
    });
}

#[test]
fn usage_is_what_rbd_du_says() {
    on_all_clusters(async |world| {
        world.create("a", 20 * MIB).await;
        world.write("a", 0, b"first").await;
        world.snap("a", "s").await;
        world.write("a", 0, b"again").await;
        world.write("a", 17 * MIB, b"last").await;
        let usage = async |precision| {
            let options = UsageOptions { precision, from: None };
            let lines =
                world.with("a", async |image| disk_usage(image, &options).await.unwrap()).await;
            lines.into_iter().map(|line| (line.provisioned, line.used)).collect::<Vec<_>>()
        };
        let whole = usage(Precision::WholeObjects).await;
        assert_eq!(whole, [(20 * MIB, 4 * MIB), (20 * MIB, 8 * MIB)]);
        let exact = usage(Precision::Exact).await;
        assert_eq!(exact, [(20 * MIB, 5), (20 * MIB, 5 + MIB + 4)]);
        world
            .with("a", async |image| feature::disable(image, Features::FAST_DIFF).await.unwrap())
            .await;
        assert_eq!(usage(Precision::WholeObjects).await, whole);
    });
}

#[test]
fn an_image_in_use_stays() {
    on_all_clusters(async |world| {
        world.create("a", MIB).await;
        let image = world.open("a").await;
        let other = world.other_client();
        let refused = remove(&other, &world.at, "a", &NoProgress).await.unwrap_err();
        assert_eq!(refused.errno(), Errno::BUSY);
        image.close().await.unwrap();
        remove(&other, &world.at, "a", &NoProgress).await.unwrap();
    });
}

#[test]
fn half_an_image_can_be_removed() {
    on_all_clusters(async |world| {
        world.create("a", MIB).await;
        let id = directory::id_of(&world.client, &world.at, "a").await.unwrap();
        let header = world.at.object(format!("rbd_header.{id}"));
        let removal = marcot_store::WriteOp::new(vec![marcot_store::WriteStep::Remove]);
        world.client.store.write(&header, removal).await.unwrap();
        world.remove("a").await;
        assert!(directory::list(&world.client, &world.at).await.unwrap().is_empty());
        let location: &Location = &world.at;
        assert!(!location.namespace.contains('x'));
    });
}

#[test]
fn a_verb_goes_to_the_owner_of_the_lock() {
    on_all_clusters(async |world| {
        world.create("a", 8 * MIB).await;
        let owner = world.open("a").await;
        owner.write(0, "owned".into()).await.unwrap();
        let other = world.other_client();
        let options = crate::OpenOptions::name("a", crate::Access::ReadWrite);
        let guest = crate::Image::open(&other, &world.at, options).await.unwrap();
        snapshot::create(&guest, "s").await.unwrap();
        resize(&guest, 12 * MIB, &ResizeOptions::default(), &NoProgress).await.unwrap();
        let exists = snapshot::create(&guest, "s").await.unwrap_err();
        assert_eq!(exists.errno(), Errno::EXIST);
        owner.refresh().await.unwrap();
        assert_eq!(owner.header().size, 12 * MIB);
        owner.write(0, "still".into()).await.unwrap();
        assert!(owner.coordination().is_lock_owner());
        guest.close().await.unwrap();
        owner.close().await.unwrap();
        let then = world.open_at("a", "s").await;
        assert_eq!(then.read(0, 5).await.unwrap(), "owned");
    });
}

/// The maps of the head and of all snapshots say what there is.
pub(super) async fn verify_map(world: &World, name: &str) {
    let image = world.open(name).await;
    let snapshots = image.header().snapshots.iter().map(|snap| snap.id).collect::<Vec<_>>();
    for snap in snapshots.into_iter().chain([SnapId::HEAD]) {
        assert_eq!(check(&image, snap, &NoProgress).await.unwrap(), Verdict::Sound, "{snap:?}");
    }
    image.close().await.unwrap();
}
