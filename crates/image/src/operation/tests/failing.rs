//! A store whose n-th write fails: verbs must leave nothing half-done behind.

use std::collections::BTreeSet;

use marcot_store::Errno;
use marcot_store::memory::MemoryOptions;

use super::faulty::{Fault, Faulty};
use super::world::{MIB, World};
use crate::config::CloneFormat;
use crate::operation::{CloneOptions, CreateOptions, Layout, clone, create};
use crate::pool::directory;
use crate::transfer::{ImportOptions, import};
use crate::{Client, NoProgress};

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
            let (store, client) = Faulty::client(&world, Fault::Fails, fail_at);
            let outcome = verb(&world, &client).await;
            if outcome.is_err() {
                assert!(store.has_struck());
                assert_eq!(left(&world).await, before, "write {fail_at} failed");
            }
            store.has_struck()
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
            let layout =
                Layout { stripe_unit: Some(65536), stripe_count: Some(2), ..Layout::default() };
            let options = CreateOptions { size: 8 * MIB, layout, ..CreateOptions::default() };
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
                        crate::operation::image_meta::set(image, "k", "v").await.unwrap();
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
