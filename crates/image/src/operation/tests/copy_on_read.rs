//! `rbd_clone_copy_on_read`: which reads leave objects in the clone.

use crate::operation::CloneOptions;
use crate::{Access, Client, Config, Image, OpenOptions};

use super::world::{MIB, World, on_all_clusters};

/// A parent with data in its first and third object, and a clone of it.
async fn layers(world: &World) -> Client {
    world.create("a", 16 * MIB).await;
    world.write("a", 1000, b"first").await;
    world.write("a", 9 * MIB, b"third").await;
    world.snap("a", "s").await;
    world.protect("a", "s").await;
    world.clone("a", "s", "b", &CloneOptions::default()).await;
    world.client.with_config(Config { clone_copy_on_read: true, ..Config::default() })
}

/// The numbers of the clone's data objects.
async fn objects_of(world: &World, image: &Image) -> Vec<String> {
    let prefix = format!("{}.", image.header().object_prefix);
    let names = world.objects().await.into_iter();
    names.filter_map(|name| name.strip_prefix(&prefix).map(str::to_owned)).collect()
}

async fn open(client: &Client, world: &World, access: Access) -> std::sync::Arc<Image> {
    Image::open(client, &world.at, OpenOptions::name("b", access)).await.unwrap()
}

#[test]
fn what_is_read_of_a_parent_stays() {
    on_all_clusters(async |world| {
        let client = layers(&world).await;
        let image = open(&client, &world, Access::ReadWrite).await;
        assert_eq!(image.read(1000, 5).await.unwrap(), "first");
        assert_eq!(objects_of(&world, &image).await, ["0000000000000000"]);
        // Where the parent has nothing there is nothing to keep.
        assert_eq!(image.read(5 * MIB, 3).await.unwrap(), "\0\0\0");
        assert_eq!(objects_of(&world, &image).await, ["0000000000000000"]);
        let all = image.read(0, 16 * MIB).await.unwrap();
        assert_eq!(&all[9 << 20..(9 << 20) + 5], b"third");
        let both = ["0000000000000000", "0000000000000002"];
        assert_eq!(objects_of(&world, &image).await, both);
        assert_eq!(image.read(9 * MIB, 5).await.unwrap(), "third");
        image.close().await.unwrap();
        super::images::verify_map(&world, "b").await;
    });
}

/// The bytes go under the snapshots too, as with a write.
#[test]
fn snapshots_of_the_clone_get_them_too() {
    on_all_clusters(async |world| {
        let client = layers(&world).await;
        world.snap("b", "before").await;
        let image = open(&client, &world, Access::ReadWrite).await;
        assert_eq!(image.read(9 * MIB, 5).await.unwrap(), "third");
        assert_eq!(objects_of(&world, &image).await, ["0000000000000002"]);
        image.close().await.unwrap();
        let snapshot = world.open_at("b", "before").await;
        assert_eq!(snapshot.read(9 * MIB, 5).await.unwrap(), "third");
        super::images::verify_map(&world, "b").await;
    });
}

#[test]
fn other_reads_leave_nothing() {
    on_all_clusters(async |world| {
        let client = layers(&world).await;
        let reader = open(&client, &world, Access::ReadOnly).await;
        assert_eq!(reader.read(1000, 5).await.unwrap(), "first");
        let plain = open(&world.client, &world, Access::ReadWrite).await;
        assert_eq!(plain.read(1000, 5).await.unwrap(), "first");
        assert_eq!(objects_of(&world, &plain).await, [""; 0]);
        plain.close().await.unwrap();
    });
}
