//! Sparsify: what goes and what stays, as an OSD and librbd 16.2 left it.

use bytes::Bytes;
use marcot_format::object_map::ObjectState::{Exists, Nonexistent};
use marcot_store::{Errno, ReadOp, ReadResult, ReadStep, SnapId};

use super::world::{MIB, on_all_clusters};
use crate::operation::{CloneOptions, snapshot, sparsify};
use crate::{Image, NoProgress};

/// An object of zeros, one with zeros inside and at its end, one with a few, one full.
async fn fill(image: &Image) {
    image.write(0, Bytes::from(vec![0; 4 << 20])).await.unwrap();
    let mut mixed = vec![0; 81_920];
    mixed[..4096].fill(1);
    mixed[69_632..73_728].fill(2);
    image.write(4 * MIB, mixed.into()).await.unwrap();
    image.write(8 * MIB, Bytes::from(vec![0; 100])).await.unwrap();
    image.write(12 * MIB, Bytes::from(vec![3; 4 << 20])).await.unwrap();
}

/// The sizes of the first objects of the head.
async fn sizes(image: &Image) -> [Option<u64>; 4] {
    let mut sizes = [None; 4];
    for (number, size) in (0..).zip(&mut sizes) {
        let object = image.header().data_object(number);
        let stat = ReadOp::single(ReadStep::Stat);
        *size = match image.store().read(&object, SnapId::HEAD, stat).await {
            Ok(results) => match results[..] {
                [ReadResult::Stat(stat)] => Some(stat.size),
                _ => panic!("{results:?}"),
            },
            Err(error) => {
                assert_eq!(error.errno, Errno::NOENT);
                None
            }
        };
    }
    sizes
}

async fn check(image: &Image, left: [Option<u64>; 4]) {
    let before = image.read(0, 16 * MIB).await.unwrap();
    sparsify(image, 4096, &NoProgress).await.unwrap();
    assert_eq!(sizes(image).await, left);
    let map = image.current().object_map.clone().unwrap();
    for (number, size) in (0..).zip(left) {
        let state = if size.is_some() { Exists } else { Nonexistent };
        assert_eq!(map.state(number), Some(state), "object {number}");
    }
    assert!(image.read(0, 16 * MIB).await.unwrap() == before, "other bytes");
}

#[test]
fn zeros_go_and_nothing_else_does() {
    on_all_clusters(async |world| {
        world.create("a", 16 * MIB).await;
        let image = world.open("a").await;
        fill(&image).await;
        check(&image, [None, Some(73_728), None, Some(4 << 20)]).await;
        fill(&image).await;
        snapshot::create(&image, "s").await.unwrap();
        let kept = image.read(0, 16 * MIB).await.unwrap();
        check(&image, [None, Some(73_728), None, Some(4 << 20)]).await;
        let at_snap = world.open_at("a", "s").await;
        assert!(at_snap.read(0, 16 * MIB).await.unwrap() == kept, "a snapshot changed");
        image.close().await.unwrap();
        super::images::verify_map(&world, "a").await;
    });
}

#[test]
fn zeros_that_hide_a_parent_stay() {
    on_all_clusters(async |world| {
        world.create("a", 12 * MIB).await;
        world.write("a", 0, b"parent").await;
        world.write("a", 8 * MIB, b"parent").await;
        world.snap("a", "s").await;
        world.protect("a", "s").await;
        world.clone("a", "s", "b", &CloneOptions::default()).await;
        let image = world.open("b").await;
        crate::operation::resize(&image, 16 * MIB, &Default::default(), &NoProgress).await.unwrap();
        fill(&image).await;
        image.write(12 * MIB, Bytes::from(vec![0; 4 << 20])).await.unwrap();
        check(&image, [Some(0), Some(73_728), Some(0), None]).await;
        image.close().await.unwrap();
        super::images::verify_map(&world, "b").await;
    });
}

#[test]
fn the_sparse_size_is_checked() {
    on_all_clusters(async |world| {
        world.create("a", 16 * MIB).await;
        world
            .with("a", async |image| {
                for size in [0, 1024, 5000, 8 * MIB, u64::MAX] {
                    let refused = sparsify(image, size, &NoProgress).await.unwrap_err();
                    assert_eq!(refused.errno(), Errno::INVAL);
                }
                sparsify(image, 4 * MIB, &NoProgress).await.unwrap();
            })
            .await;
    });
}
