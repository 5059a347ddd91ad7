//! What is refused, with the errno that rbd 16.2 exits with.

use marcot_format::features::Features;
use marcot_store::Errno;

use super::world::{MIB, on_all_clusters};
use crate::operation::{
    CloneOptions, CloneSource, CreateFormat, CreateOptions, Layout, clone, create, flatten, remove,
    rename, snapshot,
};
use crate::pool::namespace;
use crate::{ImageKey, Location, NoProgress, SnapKey};

fn unlayered() -> Layout {
    Layout { features: Some(Features::EXCLUSIVE_LOCK), ..Layout::default() }
}

#[test]
fn images() {
    on_all_clusters(async |world| {
        let (client, at) = (&world.client, &world.at);
        world.create("a", MIB).await;
        world.create("b", MIB).await;
        let size = CreateOptions { size: MIB, ..CreateOptions::default() };
        let errno = create(client, at, "a", &size).await.unwrap_err().errno();
        assert_eq!(errno, Errno::EXIST);
        assert_eq!(create(client, at, "", &size).await.unwrap_err().errno(), Errno::INVAL);
        for (from, to, errno) in [("a", "b", Errno::EXIST), ("x", "y", Errno::NOENT)] {
            assert_eq!(rename(client, at, from, to).await.unwrap_err().errno(), errno);
        }
        let errno = remove(client, at, "x", &NoProgress).await.unwrap_err().errno();
        assert_eq!(errno, Errno::NOENT);
        world.snap("a", "s").await;
        let errno = remove(client, at, "a", &NoProgress).await.unwrap_err().errno();
        assert_eq!(errno, Errno::NOTEMPTY);
        world
            .with("a", async |image| {
                let refused = flatten(image, &NoProgress).await.unwrap_err();
                assert_eq!(refused.errno(), Errno::INVAL);
            })
            .await;
    });
}

#[test]
fn snapshots() {
    on_all_clusters(async |world| {
        world.create("a", MIB).await;
        world.snap("a", "s").await;
        world.snap("a", "t").await;
        world
            .with("a", async |image| {
                let errno = snapshot::create(image, "s").await.unwrap_err().errno();
                assert_eq!(errno, Errno::EXIST);
                let errno = snapshot::remove(image, "x").await.unwrap_err().errno();
                assert_eq!(errno, Errno::NOENT);
                for (from, to, errno) in
                    [("s", "t", Errno::EXIST), ("s", "s", Errno::EXIST), ("x", "y", Errno::NOENT)]
                {
                    let refused = snapshot::rename(image, from, to).await.unwrap_err();
                    assert_eq!(refused.errno(), errno);
                }
                let errno = snapshot::unprotect(image, "s").await.unwrap_err().errno();
                assert_eq!(errno, Errno::INVAL);
                snapshot::protect(image, "s").await.unwrap();
                let errno = snapshot::protect(image, "s").await.unwrap_err().errno();
                assert_eq!(errno, Errno::BUSY);
                let errno = snapshot::remove(image, "s").await.unwrap_err().errno();
                assert_eq!(errno, Errno::BUSY);
                let rolled_back = snapshot::rollback(image, "x", &NoProgress).await;
                assert_eq!(rolled_back.unwrap_err().errno(), Errno::NOENT);
            })
            .await;
        let bare = CreateOptions { size: MIB, layout: unlayered(), ..CreateOptions::default() };
        create(&world.client, &world.at, "b", &bare).await.unwrap();
        world.snap("b", "s").await;
        world
            .with("b", async |image| {
                let errno = snapshot::protect(image, "s").await.unwrap_err().errno();
                assert_eq!(errno, Errno::NOSYS);
            })
            .await;
        let image = world.open_at("b", "s").await;
        assert_eq!(snapshot::create(&image, "z").await.unwrap_err().errno(), Errno::ROFS);
    });
}

#[test]
fn clones() {
    on_all_clusters(async |world| {
        world.create("a", MIB).await;
        world.snap("a", "s").await;
        let target = world.target("b");
        let options = CloneOptions::default();
        let refuse = async |source: &CloneSource, options: &CloneOptions| {
            clone(&world.client, source, &target, options).await.unwrap_err().errno()
        };
        // A new store serves luminous: clones are of format 1 and need a protected snapshot.
        assert_eq!(refuse(&world.source("a", "s"), &options).await, Errno::INVAL);
        assert_eq!(refuse(&world.source("a", "x"), &options).await, Errno::NOENT);
        assert_eq!(refuse(&world.source("x", "s"), &options).await, Errno::NOENT);
        let head = CloneSource {
            location: world.at.clone(),
            image: ImageKey::Name("a".to_owned()),
            snap: SnapKey::Head,
        };
        assert_eq!(refuse(&head, &options).await, Errno::INVAL);
        world.protect("a", "s").await;
        let flat = CloneOptions { layout: unlayered(), ..options.clone() };
        assert_eq!(refuse(&world.source("a", "s"), &flat).await, Errno::NOSYS);
        let to_itself = world.target("a");
        let taken = clone(&world.client, &world.source("a", "s"), &to_itself, &options).await;
        assert_eq!(taken.unwrap_err().errno(), Errno::EXIST);
        let old = CreateOptions { format: CreateFormat::V1Forced, ..CreateOptions::default() };
        create(&world.client, &world.at, "b", &old).await.unwrap();
        assert_eq!(refuse(&world.source("a", "s"), &options).await, Errno::EXIST);
    });
}

#[test]
fn namespaces() {
    on_all_clusters(async |world| {
        let (client, pool) = (&world.client, world.at.pool);
        namespace::create(client, pool, "n").await.unwrap();
        let errno = namespace::create(client, pool, "n").await.unwrap_err().errno();
        assert_eq!(errno, Errno::EXIST);
        assert_eq!(namespace::create(client, pool, "").await.unwrap_err().errno(), Errno::INVAL);
        let at = Location::new(pool, "n");
        let size = CreateOptions { size: MIB, ..CreateOptions::default() };
        create(client, &at, "a", &size).await.unwrap();
        let errno = namespace::remove(client, pool, "n").await.unwrap_err().errno();
        assert_eq!(errno, Errno::BUSY);
        assert_eq!(namespace::list(client, pool).await.unwrap(), ["n"]);
        remove(client, &at, "a", &NoProgress).await.unwrap();
        namespace::remove(client, pool, "n").await.unwrap();
        assert!(!namespace::exists(client, &at).await.unwrap());
        let errno = namespace::remove(client, pool, "n").await.unwrap_err().errno();
        assert_eq!(errno, Errno::NOENT);
        let errno = create(client, &at, "a", &size).await.unwrap_err().errno();
        assert_eq!(errno, Errno::NOENT);
    });
}
