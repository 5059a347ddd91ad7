//! Images of format 1 on engines: every verb that they have, and every step of those that can fail.

use bytes::Bytes;
use marcot_store::Errno;

use super::failing::undone_at_every_step;
use super::world::{MIB, on_all_clusters};
use crate::config::CloneFormat;
use crate::operation::{
    CloneOptions, CloneTarget, CreateFormat, CreateOptions, Layout, ResizeOptions, clone, copy,
    create, rename, resize, snapshot,
};
use crate::pool::{directory, namespace};
use crate::transfer::{ImportOptions, import};
use crate::{Access, Image, Location, NoProgress, OpenOptions};

fn options(size: u64) -> CreateOptions {
    CreateOptions { format: CreateFormat::V1Forced, size, ..CreateOptions::default() }
}

#[test]
fn an_image_of_format_1_lives_as_others_do() {
    on_all_clusters(async |world| {
        let (client, at) = (&world.client, &world.at);
        create(client, at, "a", &options(9 * MIB)).await.unwrap();
        world.create("0", MIB).await;
        let names = directory::list(client, at).await.unwrap().into_iter().map(|it| it.name);
        assert_eq!(names.collect::<Vec<_>>(), ["a", "0"]);
        world.write("a", 4 * MIB - 2, b"abcd").await;
        world.snap("a", "s").await;
        world.write("a", 4 * MIB - 2, b"efgh").await;
        rename(client, at, "a", "b").await.unwrap();
        let shrink = ResizeOptions { allow_shrink: true };
        let size = 4 * MIB;
        world.with("b", async |b| resize(b, size, &shrink, &NoProgress).await.unwrap()).await;
        world.with("b", async |b| resize(b, 2 * size, &shrink, &NoProgress).await.unwrap()).await;
        assert_eq!(world.read("b", 4 * MIB - 2, 4).await, Bytes::from_static(b"ef\0\0"));
        let old = world.open_at("b", "s").await;
        assert_eq!(old.view().size, 9 * MIB);
        assert_eq!(old.read(4 * MIB - 2, 4).await.unwrap(), Bytes::from_static(b"abcd"));
        copy(&old, client, at, "c", &Layout::default(), &NoProgress).await.unwrap();
        assert_eq!(world.read("c", 4 * MIB - 2, 4).await, Bytes::from_static(b"abcd"));
        let back = async |b: &Image| snapshot::rollback(b, "s", &NoProgress).await.unwrap();
        world.with("b", back).await;
        assert_eq!(world.read("b", 4 * MIB - 2, 4).await, Bytes::from_static(b"abcd"));
        world.with("b", async |b| snapshot::rename(b, "s", "t").await.unwrap()).await;
        let refused = crate::operation::remove(client, at, "b", &NoProgress).await.unwrap_err();
        assert_eq!(refused.errno(), Errno::NOTEMPTY);
        world.with("b", async |b| snapshot::remove(b, "t").await.unwrap()).await;
        for name in ["b", "c", "0"] {
            world.remove(name).await;
        }
        let left = world.objects().await;
        assert!(left.iter().all(|name| !name.starts_with("rb.") && !name.ends_with(".rbd")));
        assert!(directory::list(client, at).await.unwrap().is_empty());
    });
}

/// Names of both formats are one space.
#[test]
fn a_name_is_taken_by_either_format() {
    on_all_clusters(async |world| {
        let (client, at) = (&world.client, &world.at);
        create(client, at, "old", &options(MIB)).await.unwrap();
        world.create("new", MIB).await;
        for (name, options) in [("old", CreateOptions::default()), ("new", options(MIB))] {
            let refused = create(client, at, name, &options).await.unwrap_err();
            assert_eq!(refused.errno(), Errno::EXIST);
        }
        for (from, to) in [("old", "new"), ("new", "old")] {
            assert_eq!(rename(client, at, from, to).await.unwrap_err().errno(), Errno::EXIST);
        }
    });
}

/// The list of names is written anew as a whole: nobody's name may be lost by that.
#[test]
fn many_clients_change_the_list_of_names_at_once() {
    on_all_clusters(async |world| {
        let at = &world.at;
        let clients: Vec<_> = (0..8).map(|_| world.other_client()).collect();
        let creating = clients.iter().enumerate().map(|(number, client)| async move {
            create(client, at, &format!("i{number}"), &options(MIB)).await
        });
        futures_util::future::try_join_all(creating).await.unwrap();
        assert_eq!(directory::list(&world.client, &world.at).await.unwrap().len(), 8);
    });
}

/// Clones begin with the parent's id, and it has none: told before anything else.
#[test]
fn it_is_not_there_to_be_cloned() {
    on_all_clusters(async |world| {
        namespace::create(&world.client, world.at.pool, "ns").await.unwrap();
        create(&world.client, &world.at, "old", &options(MIB)).await.unwrap();
        world.snap("old", "s").await;
        let elsewhere = Location::new(world.at.pool, "ns");
        for (location, snap) in
            [(&world.at, "s"), (&world.at, "none"), (&elsewhere, "s"), (&elsewhere, "none")]
        {
            let target = CloneTarget { location: location.clone(), name: "new".to_owned() };
            let options = CloneOptions { format: Some(CloneFormat::V1), ..CloneOptions::default() };
            let source = world.source("old", snap);
            let refused = clone(&world.client, &source, &target, &options).await.unwrap_err();
            assert_eq!(refused.errno(), Errno::NOENT, "@{snap}");
        }
    });
}

#[test]
fn create_and_import_leave_nothing_behind() {
    undone_at_every_step(
        async |_| {},
        async |world, client| {
            let created = create(client, &world.at, "a", &options(8 * MIB)).await;
            created.map(drop).map_err(|error| error.errno())
        },
    );
    undone_at_every_step(
        async |_| {},
        async |world, client| {
            let (disk, create) = (vec![7; 5 << 20], options(0));
            let options = ImportOptions { create, ..ImportOptions::default() };
            let mut source = &disk[..];
            let imported = import(client, &world.at, "a", &mut source, &options, &NoProgress).await;
            imported.map_err(|error| error.errno())
        },
    );
}

#[test]
fn a_name_without_a_header_can_be_removed() {
    on_all_clusters(async |world| {
        create(&world.client, &world.at, "a", &options(MIB)).await.unwrap();
        let header = world.open("a").await;
        let object = header.header_object().clone();
        header.close().await.unwrap();
        crate::operation::detach::remove_object(&world.client, &object).await.unwrap();
        let opened =
            Image::open(&world.client, &world.at, OpenOptions::name("a", Access::ReadOnly)).await;
        assert_eq!(opened.unwrap_err().errno(), Errno::NOENT);
        world.remove("a").await;
        assert!(directory::list(&world.client, &world.at).await.unwrap().is_empty());
    });
}
