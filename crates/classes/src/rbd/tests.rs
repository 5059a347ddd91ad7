//! Rules that recorded answers of an OSD cannot show one by one.

use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_format::call::children::{ChildAttach, ChildDetach, ChildrenList};
use marcot_format::call::header::{Create, GetSize, GetSnapcontext, OpFeaturesGet};
use marcot_format::call::mirror::MirrorModeGet;
use marcot_format::call::object_map::{ObjectMapLoad, ObjectMapResize, ObjectMapUpdate};
use marcot_format::call::snapshot::{SnapshotAdd, SnapshotRemove, SnapshotTrashAdd};
use marcot_format::call::{Call, data_object::SparseCopyup};
use marcot_format::children::ChildImageSpec;
use marcot_format::features::{Features, OpFeatures};
use marcot_format::mirror::{MODE, MirrorMode};
use marcot_format::object_map::ObjectState;
use marcot_format::wire::{Decode, Encode, Trailing};
use marcot_store::{ClientAddress, ClientId, Errno};
use proptest::prelude::*;

use crate::object::{Content, call};

fn run<C: Call>(content: &mut Option<Content>, arguments: &C) -> Result<C::Reply, Errno> {
    let caller = (ClientId(1), ClientAddress("127.0.0.1:0/1".to_owned()));
    let reply = call(content, caller, (C::CLASS, C::METHOD), &arguments.to_bytes())?;
    Ok(C::Reply::from_bytes(&reply).unwrap())
}

fn image() -> Option<Content> {
    let mut header = None;
    let create = Create {
        size: 1 << 30,
        order: 22,
        features: Features::DEFAULT,
        object_prefix: "rbd_data.10ab".to_owned(),
        data_pool: Trailing(None),
    };
    run(&mut header, &create).unwrap();
    header
}

fn add(snap_id: u64) -> SnapshotAdd {
    SnapshotAdd { name: format!("s{snap_id}"), snap_id, namespace: Trailing(None) }
}

#[test]
fn a_snapshot_with_a_clone_is_trashed_until_the_clone_goes() {
    let mut header = image();
    for snap_id in 4..10 {
        run(&mut header, &add(snap_id)).unwrap();
    }
    let snaps = vec![9, 8, 7, 6, 5, 4];
    assert_eq!(run(&mut header, &GetSnapcontext {}), Ok((9, snaps)));

    let child =
        ChildImageSpec { pool_id: 2, pool_namespace: String::new(), image_id: "10ac".to_owned() };
    run(&mut header, &ChildAttach { snap_id: 4, child: child.clone() }).unwrap();
    assert_eq!(run(&mut header, &SnapshotRemove { snap_id: 4 }), Err(Errno::BUSY));
    run(&mut header, &SnapshotTrashAdd { snap_id: 4 }).unwrap();
    let trashed = OpFeatures::CLONE_PARENT | OpFeatures::SNAP_TRASH;
    assert_eq!(run(&mut header, &OpFeaturesGet {}), Ok(trashed));
    let late = ChildAttach { snap_id: 4, child: child.clone() };
    assert_eq!(run(&mut header, &late), Err(Errno::NOENT));

    run(&mut header, &ChildDetach { snap_id: 4, child }).unwrap();
    assert_eq!(run(&mut header, &ChildrenList { snap_id: 4 }), Err(Errno::NOENT));
    run(&mut header, &SnapshotRemove { snap_id: 4 }).unwrap();
    assert_eq!(run(&mut header, &OpFeaturesGet {}), Ok(OpFeatures::NONE));
    assert_eq!(run(&mut header, &GetSize { snap_id: 4 }), Err(Errno::NOENT));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The update of single blocks against the whole map.
    #[test]
    fn updating_blocks_is_updating_the_map(
        count in 1u64..70_000,
        ranges in proptest::collection::vec((any::<u64>(), 1u64..40_000, 0u8..4), 1..6),
    ) {
        let mut object = None;
        let state = ObjectState::Nonexistent;
        run(&mut object, &ObjectMapResize { object_count: count, state }).unwrap();
        let mut expected = run(&mut object, &ObjectMapLoad {}).unwrap().0;
        for (start, length, bits) in ranges {
            let (start, new) = (start % count, ObjectState::from_bits(bits));
            let end = (start + length).min(count);
            run(&mut object, &ObjectMapUpdate { start, end, new, current: None }).unwrap();
            expected.fill(start..end, new);
            prop_assert_eq!(&object.as_ref().unwrap().data, &expected.to_bytes());
        }
    }

    #[test]
    fn hostile_arguments_do_not_panic(bytes: Vec<u8>) {
        let caller = (ClientId(1), ClientAddress(String::new()));
        for entry in super::methods().chain(crate::lock::methods()) {
            for mut content in [None, image()] {
                let method = (entry.class, entry.method);
                let _ = call(&mut content, caller.clone(), method, &bytes);
            }
        }
    }

    #[test]
    fn copyup_writes_its_extents_and_nothing_else(extents: Vec<(u16, u8)>) {
        let mut arguments = SparseCopyup { extents: Default::default(), data: Vec::new() };
        let mut expected = Vec::new();
        for (number, (gap, length)) in extents.iter().enumerate() {
            let start = expected.len() as u64 + u64::from(*gap);
            arguments.extents.insert(start, u64::from(*length));
            arguments.data.extend(std::iter::repeat_n(number as u8 + 1, usize::from(*length)));
            if *length > 0 {
                expected.resize(start as usize, 0);
                expected.extend(std::iter::repeat_n(number as u8 + 1, usize::from(*length)));
            } else {
                arguments.extents.remove(&start);
            }
        }
        let mut object = None;
        run(&mut object, &arguments).unwrap();
        prop_assert_eq!(&object.as_ref().unwrap().data, &expected);
        let before = object.clone();
        let again = SparseCopyup { extents: [(0, 1)].into(), data: vec![0xff] };
        run(&mut object, &again).unwrap();
        prop_assert_eq!(object, before);
    }
}

/// Ceph hands out whatever is stored; who asked for it would not know what it means.
#[test]
fn a_mirroring_mode_without_a_meaning_is_refused() {
    let stored = |mode: u32| {
        let omap = BTreeMap::from([(Bytes::from(MODE), Bytes::from(mode.to_bytes()))]);
        Some(Content { omap, ..Content::default() })
    };
    assert_eq!(run(&mut stored(2), &MirrorModeGet {}), Ok(MirrorMode::Pool));
    assert_eq!(run(&mut stored(9), &MirrorModeGet {}), Err(Errno::IO));
}
