//! A process that dies at the n-th change of a verb: whoever comes next can go on or clean up with
//! the commands that there are, and nothing is left over or blocked for ever.

use std::collections::BTreeSet;

use marcot_format::object_name;
use marcot_format::snapshot::{ProtectionStatus, SnapshotNamespace};
use marcot_format::trash::{TrashSource, TrashState};
use marcot_store::memory::MemoryOptions;
use marcot_store::{Errno, ListQuery, PoolId, ReadOp, ReadResult, ReadStep, SnapId};

use super::faulty::{Fault, Faulty};
use super::world::{MIB, World};
use crate::config::CloneFormat;
use crate::operation::trash::{Deferment, move_to_trash, remove_from_trash, restore};
use crate::operation::{
    CloneOptions, CloneTarget, CreateOptions, Layout, RemoveError, ResizeOptions, children, clone,
    flatten, remove, rename, resize, snapshot,
};
use crate::pool::{directory, namespace, trash};
use crate::{Client, Image, Location, NoProgress};

/// Runs `verb` in a process that dies at its first, second, third … change, until it outlives them
/// all; each time `afterwards` says what those who come next see and do.
pub(super) fn dying_at_every_step(
    prepare: impl AsyncFn(&World),
    verb: impl AsyncFn(&World, &Client) -> Result<(), Errno>,
    afterwards: impl AsyncFn(&World),
) {
    for clusters in [MemoryOptions::default(), MemoryOptions::hostile(5)] {
        for deaths in 0.. {
            let died = pollster::block_on(async {
                let world = World::new(clusters).await;
                world.add_pool("other").await;
                prepare(&world).await;
                let (store, client) = Faulty::client(&world, Fault::Dies, deaths);
                let outcome = store.outlives(verb(&world, &client)).await;
                if let Some(outcome) = outcome {
                    assert_eq!(outcome, Ok(()), "{deaths} changes");
                }
                // What the dead have in memory says nothing to anybody.
                std::mem::forget(client);
                afterwards(&world).await;
                store.has_struck()
            });
            if !died {
                assert!(deaths > 1, "the verb changes more than that");
                break;
            }
        }
    }
}

fn at_other() -> Location {
    Location::new(PoolId(2), "")
}

impl World {
    /// Removes an image as a patient user does: whatever is left of it, wherever it is.
    async fn clear(&self, at: &Location, name: &str) {
        match remove(&self.client, at, name, &NoProgress).await {
            Ok(()) | Err(RemoveError::NotFound { .. }) => {}
            Err(error) => panic!("{name}: {error}"),
        }
        for entry in trash::list(&self.client, at).await.unwrap() {
            if entry.spec.state == TrashState::Moving {
                let (name, delay) = (&entry.spec.name, std::time::Duration::ZERO);
                move_to_trash(&self.client, at, name, TrashSource::User, delay).await.unwrap();
            }
            if entry.spec.state == TrashState::Restoring {
                restore(&self.client, at, &entry.id, None).await.unwrap();
                remove(&self.client, at, &entry.spec.name, &NoProgress).await.unwrap();
                continue;
            }
            let deferment = Deferment::Overridden;
            remove_from_trash(&self.client, at, &entry.id, deferment, &NoProgress).await.unwrap();
        }
    }

    async fn child_count(&self, name: &str) -> usize {
        self.with(name, async |image| children(image).await.unwrap().len()).await
    }

    /// Removes every snapshot of an image, those in the trash too.
    async fn clear_snapshots(&self, name: &str) {
        let clear = async |image: &Image| {
            for snap in image.header().snapshots.clone() {
                if snap.protection != ProtectionStatus::Unprotected {
                    snapshot::unprotect(image, &snap.name).await.unwrap();
                }
                snapshot::remove_by_id(image, snap.id).await.unwrap();
            }
        };
        self.with(name, clear).await;
    }

    /// No object but lists, and nothing in the lists.
    async fn assert_empty(&self) {
        for pool in self.client.store.list_pools().await.unwrap() {
            let query = ListQuery { pool: pool.id, namespace: None, cursor: None, max: 1000 };
            for object in self.client.store.list_objects(query).await.unwrap().objects {
                let known = [
                    object_name::DIRECTORY,
                    object_name::CHILDREN,
                    object_name::TRASH,
                    object_name::INFO,
                    object_name::NAMESPACE,
                ];
                assert!(known.contains(&&*object.name), "{object} is left");
                if [object_name::INFO, object_name::NAMESPACE].contains(&&*object.name) {
                    continue;
                }
                let all = ReadStep::OmapList { after: None, prefix: "".into(), max: 100 };
                let listed = ReadOp::single(all);
                let found = self.client.store.read(&object, SnapId::HEAD, listed).await.unwrap();
                let [ReadResult::Omap(page)] = &found[..] else { panic!("{object}") };
                let kept: Vec<_> = page.entries.iter().filter(|(key, _)| key != "state").collect();
                assert!(kept.is_empty(), "{object}: {kept:?}");
            }
        }
    }

    /// Removes the parent of the tests for clones, whose clones are gone.
    async fn clear_parent(&self) {
        assert_eq!(self.child_count("a").await, 0);
        self.clear_snapshots("a").await;
        self.clear(&self.at, "a").await;
        self.assert_empty().await;
    }
}

#[test]
fn create() {
    let options = || CreateOptions {
        size: 8 * MIB,
        layout: Layout {
            stripe_unit: Some(65536),
            stripe_count: Some(2),
            data_pool: Some("other".to_owned()),
            ..Layout::default()
        },
        ..CreateOptions::default()
    };
    dying_at_every_step(
        async |_| {},
        async |world, client| {
            let made = super::super::create(client, &world.at, "a", &options()).await;
            made.map(drop).map_err(|error| error.errno())
        },
        async |world| {
            world.clear(&world.at, "a").await;
            world.assert_empty().await;
            super::super::create(&world.client, &world.at, "a", &options()).await.unwrap();
            world.write("a", 3, b"abc").await;
            assert_eq!(world.read("a", 3, 3).await, "abc");
        },
    );
}

async fn parent(world: &World) {
    world.create("a", 12 * MIB).await;
    world.write("a", 5 * MIB, b"parent").await;
    world.snap("a", "s").await;
    world.protect("a", "s").await;
    namespace::create(&world.client, PoolId(2), "ns").await.unwrap();
    world.with("a", async |a| crate::operation::image_meta::set(a, "k", "v").await.unwrap()).await;
}

/// A clone that some process died of making, and the ways to go on.
fn die_cloning(format: CloneFormat, at: impl Fn(&World) -> Location, data_pool: Option<&str>) {
    let options = || CloneOptions {
        format: Some(format),
        layout: Layout { data_pool: data_pool.map(str::to_owned), ..Layout::default() },
    };
    let make = async |world: &World, client: &Client| {
        let (source, target) =
            (world.source("a", "s"), CloneTarget { location: at(world), name: "b".to_owned() });
        clone(client, &source, &target, &options()).await.map(drop).map_err(|error| error.errno())
    };
    // Removed, then made again.
    dying_at_every_step(parent, make, async |world| {
        world.clear(&at(world), "b").await;
        assert_eq!(world.child_count("a").await, 0);
        make(world, &world.client).await.unwrap();
        assert_eq!(world.child_count("a").await, 1);
        world.clear(&at(world), "b").await;
        world.clear_parent().await;
    });
    // The parent wants to go first: it is told of the clone, or the clone is none yet.
    dying_at_every_step(parent, make, async |world| {
        let listed = world.child_count("a").await;
        let unprotected =
            world.with("a", async |a| snapshot::unprotect(a, "s").await.is_ok()).await;
        assert_eq!(unprotected, listed == 0 || format == CloneFormat::V2);
        if unprotected {
            world.clear_snapshots("a").await;
        }
        world.clear(&at(world), "b").await;
        world.clear_parent().await;
    });
}

#[test]
fn clone_v1() {
    die_cloning(CloneFormat::V1, |world| world.at.clone(), None);
    die_cloning(CloneFormat::V1, |_| at_other(), None);
    die_cloning(CloneFormat::V1, |world| world.at.clone(), Some("other"));
}

#[test]
fn clone_v2() {
    die_cloning(CloneFormat::V2, |world| world.at.clone(), None);
    die_cloning(CloneFormat::V2, |_| Location::new(PoolId(2), "ns"), None);
    die_cloning(CloneFormat::V2, |world| world.at.clone(), Some("other"));
}

async fn family(world: &World, format: CloneFormat) {
    parent(world).await;
    let options = CloneOptions { format: Some(format), ..CloneOptions::default() };
    world.clone("a", "s", "b", &options).await;
    world.write("b", MIB, b"child").await;
}

#[test]
fn removing_a_clone() {
    for format in [CloneFormat::V1, CloneFormat::V2] {
        dying_at_every_step(
            async |world| family(world, format).await,
            async |world, client| {
                let removed = remove(client, &world.at, "b", &NoProgress).await;
                removed.map_err(|error| error.errno())
            },
            async |world| {
                world.clear(&world.at, "b").await;
                world.clear_parent().await;
            },
        );
    }
}

#[test]
fn flattening() {
    for format in [CloneFormat::V1, CloneFormat::V2] {
        dying_at_every_step(
            async |world| {
                family(world, format).await;
                world.snap("b", "t").await;
            },
            async |world, client| {
                let options = crate::OpenOptions::name("b", crate::Access::ReadWrite);
                let b = Image::open(client, &world.at, options).await.unwrap();
                let done = flatten(&b, &NoProgress).await.map_err(|error| error.errno());
                b.close().await.unwrap();
                done
            },
            async |world| {
                let bytes = async |image: &Image| {
                    assert_eq!(image.read(5 * MIB, 6).await.unwrap(), "parent");
                    assert_eq!(image.read(MIB, 5).await.unwrap(), "child");
                };
                world.with("b", bytes).await;
                let again = async |b: &Image| flatten(b, &NoProgress).await;
                match world.with("b", again).await {
                    Ok(()) | Err(crate::operation::FlattenError::NoParent { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
                assert_eq!(world.child_count("a").await, 0);
                world.clear_snapshots("a").await;
                world.clear(&world.at, "a").await;
                world.with("b", bytes).await;
                bytes(&*world.open_at("b", "t").await).await;
                world.clear_snapshots("b").await;
                world.clear(&world.at, "b").await;
                world.assert_empty().await;
            },
        );
    }
}

/// Either name, or both, lead to the image; whatever is done next leaves one or none.
#[test]
fn renaming() {
    let verb = async |world: &World, client: &Client| {
        rename(client, &world.at, "a", "b").await.map_err(|error| error.errno())
    };
    let prepare = async |world: &World| {
        world.create("a", 8 * MIB).await;
        world.write("a", 0, b"bytes").await;
    };
    dying_at_every_step(prepare, verb, async |world| {
        match rename(&world.client, &world.at, "a", "b").await {
            Ok(()) | Err(crate::operation::RenameError::NotFound { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        assert_eq!(world.read("b", 0, 5).await, "bytes");
        world.clear(&world.at, "b").await;
        world.assert_empty().await;
    });
    for names in [["a", "b"], ["b", "a"]] {
        dying_at_every_step(prepare, verb, async |world| {
            for name in names {
                world.clear(&world.at, name).await;
            }
            world.assert_empty().await;
        });
    }
}

#[test]
fn taking_and_removing_a_snapshot() {
    let prepare = async |world: &World| {
        world.create("a", 8 * MIB).await;
        world.write("a", 0, b"first").await;
        world.snap("a", "old").await;
        world.write("a", 0, b"later").await;
    };
    let afterwards = async |world: &World| {
        let listed = world.with("a", async |image| image.header().snapshots.clone()).await;
        for snap in listed {
            if matches!(snap.namespace, SnapshotNamespace::Trash { .. }) {
                // Out of sight, and its data may be gone.
                continue;
            }
            let options = crate::OpenOptions::name("a", crate::Access::ReadOnly);
            let options = options.at(crate::SnapKey::Id(snap.id));
            let opened = Image::open(&world.client, &world.at, options).await.unwrap();
            let bytes = if snap.name == "new" { "later" } else { "first" };
            assert_eq!(opened.read(0, 5).await.unwrap(), bytes);
        }
        world.clear_snapshots("a").await;
        assert_eq!(world.read("a", 0, 5).await, "later");
        world.snap("a", "new").await;
        super::images::verify_map(world, "a").await;
        world.clear_snapshots("a").await;
        world.clear(&world.at, "a").await;
        world.assert_empty().await;
    };
    dying_at_every_step(
        prepare,
        async |world, client| {
            let options = crate::OpenOptions::name("a", crate::Access::ReadWrite);
            let a = Image::open(client, &world.at, options).await.unwrap();
            let taken = snapshot::create(&a, "new").await;
            a.close().await.unwrap();
            taken.map(drop).map_err(|error| error.errno())
        },
        afterwards,
    );
    dying_at_every_step(
        prepare,
        async |world, client| {
            let options = crate::OpenOptions::name("a", crate::Access::ReadWrite);
            let a = Image::open(client, &world.at, options).await.unwrap();
            let removed = snapshot::remove(&a, "old").await;
            a.close().await.unwrap();
            removed.map_err(|error| error.errno())
        },
        afterwards,
    );
}

#[test]
fn into_the_trash_and_back() {
    let prepare = async |world: &World| {
        world.create("a", 8 * MIB).await;
        world.write("a", 0, b"bytes").await;
    };
    dying_at_every_step(
        prepare,
        async |world, client| {
            let (source, delay) = (TrashSource::User, std::time::Duration::ZERO);
            let moved = move_to_trash(client, &world.at, "a", source, delay).await;
            moved.map_err(|error| error.errno())
        },
        async |world| {
            let (source, delay) = (TrashSource::User, std::time::Duration::ZERO);
            match move_to_trash(&world.client, &world.at, "a", source, delay).await {
                Ok(()) | Err(crate::operation::trash::TrashError::NoImage { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            let entries = trash::list(&world.client, &world.at).await.unwrap();
            restore(&world.client, &world.at, &entries[0].id, None).await.unwrap();
            assert_eq!(world.read("a", 0, 5).await, "bytes");
            world.clear(&world.at, "a").await;
            world.assert_empty().await;
        },
    );
    dying_at_every_step(
        async |world| {
            prepare(world).await;
            let (source, delay) = (TrashSource::User, std::time::Duration::ZERO);
            move_to_trash(&world.client, &world.at, "a", source, delay).await.unwrap();
        },
        async |world, client| {
            let entries = trash::list(client, &world.at).await.unwrap();
            let back = restore(client, &world.at, &entries[0].id, None).await;
            back.map_err(|error| error.errno())
        },
        async |world| {
            if let [entry] = &trash::list(&world.client, &world.at).await.unwrap()[..] {
                restore(&world.client, &world.at, &entry.id, None).await.unwrap();
            }
            let names = directory::list(&world.client, &world.at).await.unwrap();
            let names: BTreeSet<_> = names.into_iter().map(|entry| entry.name).collect();
            assert_eq!(names, BTreeSet::from(["a".to_owned()]));
            assert_eq!(world.read("a", 0, 5).await, "bytes");
            world.clear(&world.at, "a").await;
            world.assert_empty().await;
        },
    );
}

#[test]
fn resizing() {
    for (from, to) in [(20 * MIB, 5 * MIB), (5 * MIB, 20 * MIB)] {
        let sized = async |image: &Image| {
            let options = ResizeOptions { allow_shrink: true };
            resize(image, to, &options, &NoProgress).await
        };
        dying_at_every_step(
            async |world| {
                world.create("a", from).await;
                for at in 0..5 {
                    let data = bytes::Bytes::from_static(b"bytes");
                    world.with("a", async |a| a.write(at * MIB, data).await.unwrap()).await;
                }
            },
            async |world, client| {
                let options = crate::OpenOptions::name("a", crate::Access::ReadWrite);
                let a = Image::open(client, &world.at, options).await.unwrap();
                let done = sized(&a).await.map_err(|error| error.errno());
                a.close().await.unwrap();
                done
            },
            async |world| {
                world.with("a", sized).await.unwrap();
                assert_eq!(world.read("a", 4 * MIB, 5).await, "bytes");
                super::images::verify_map(world, "a").await;
                world.clear(&world.at, "a").await;
                world.assert_empty().await;
            },
        );
    }
}
