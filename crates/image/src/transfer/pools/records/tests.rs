//! Pool 3 becomes pool 30, pool 4 becomes pool 40; pool 9 is not copied.

use std::collections::BTreeSet;

use marcot_format::features::Flags;
use marcot_format::group::{GroupImageState, GroupSnapshotState, ImageSnapshotSpec};
use marcot_format::lock::{LockKind, LockerId, LockerInfo};
use marcot_format::record;
use marcot_format::snapshot::ProtectionStatus;
use marcot_format::{Utime, entity};

use super::*;

fn map(pool: i64) -> Option<i64> {
    PoolMap::new([(3, 30), (4, 40)]).id(pool)
}

fn moved_pair(name: &str, key: impl AsRef<[u8]>, value: &impl Encode) -> (Bytes, Bytes) {
    let pair = (Bytes::copy_from_slice(key.as_ref()), Bytes::from(value.to_bytes()));
    super::pair(name, pair, &mut map).unwrap()
}

fn moved_value<T: Encode + Decode>(name: &str, key: &str, value: &T) -> T {
    let (new_key, value) = moved_pair(name, key, value);
    assert_eq!(new_key, key.as_bytes());
    T::from_bytes(&value).unwrap()
}

const HEADER: &str = "rbd_header.10ab";

fn parent(pool_id: i64) -> Parent {
    Parent {
        pool_id,
        pool_namespace: "ns".to_owned(),
        image_id: "77".to_owned(),
        snap_id: 4,
        head_overlap: Some(9),
    }
}

#[test]
fn links_of_a_header_follow_their_pools() {
    assert_eq!(moved_value(HEADER, "parent", &parent(3)), parent(30));
    assert_eq!(
        moved_value(HEADER, "parent", &parent(-1)),
        parent(-1),
        "an image that was cut loose"
    );
    assert_eq!(moved_value(HEADER, "data_pool_id", &4i64), 40);
    let group = |pool_id| GroupSpec { pool_id, group_id: "g".to_owned() };
    assert_eq!(moved_value(HEADER, "rbd_group_ref", &group(4)), group(40));
    let child = |pool_id| ChildImageSpec {
        pool_id,
        pool_namespace: String::new(),
        image_id: "88".to_owned(),
    };
    let children = |pools: [i64; 2]| BTreeSet::from(pools.map(child));
    let key = "snap_children_0000000000000004";
    assert_eq!(moved_value(HEADER, key, &children([3, 4])), children([30, 40]));
}

#[test]
fn what_names_no_pool_stays_byte_for_byte() {
    for (name, key, value) in [
        (HEADER, "size", 3u64),
        (HEADER, "snap_seq", 3),
        (HEADER, "metadata_data_pool_id", 3),
        ("rbd_directory", "name_parent", 3),
        ("rbd_trash", "id_10ab", 3),
        ("journal.10ab", "next_tag_tid", 3),
        ("rbd_info", "metadata_conf_rbd_default_data_pool", 3),
    ] {
        let (new_key, new) = moved_pair(name, key, &value);
        assert_eq!(
            (&new_key[..], &new[..]),
            (key.as_bytes(), &value.to_bytes()[..]),
            "{name} {key}"
        );
    }
    let binary = Bytes::from_static(b"\xff\xfe");
    let pair = super::pair(HEADER, (binary.clone(), binary.clone()), &mut map).unwrap();
    assert_eq!(pair, (binary.clone(), binary));
}

fn snapshot(name: &str, namespace: SnapshotNamespace) -> Snapshot {
    Snapshot {
        id: 4,
        name: name.to_owned(),
        image_size: 9,
        protection: ProtectionStatus::Protected,
        flags: Flags::default(),
        namespace,
        timestamp: Utime::default(),
        child_count: 1,
        parent_overlap: None,
    }
}

#[test]
fn a_group_s_snapshot_names_its_pool_twice() {
    let of = |pool_id: i64| SnapshotNamespace::Group {
        pool_id,
        group_id: "g1".to_owned(),
        group_snap_id: "s1".to_owned(),
    };
    let key = "snapshot_0000000000000004";
    let before = snapshot(".group.3_g1_s1", of(3));
    assert_eq!(moved_value(HEADER, key, &before), snapshot(".group.1e_g1_s1", of(30)));
    let renamed = snapshot("else", of(3));
    assert_eq!(moved_value(HEADER, key, &renamed), snapshot("else", of(30)));
    // Versions of old stay as they are.
    let old = &marcot_format::wire::Encoder::default().into_bytes();
    let mut bytes = snapshot("s", SnapshotNamespace::User).to_bytes();
    bytes.extend_from_slice(old);
    let pair = (Bytes::from(key), Bytes::from(bytes.clone()));
    assert_eq!(&super::pair(HEADER, pair, &mut map).unwrap().1[..], &bytes);
}

#[test]
fn keys_that_hold_pools_are_new_keys() {
    let key = |pool_id| ChildrenKey { pool_id, image_id: "77".to_owned(), snap_id: 4 }.to_bytes();
    let (new, _) = moved_pair(CHILDREN, key(3), &BTreeSet::from(["88".to_owned()]));
    assert_eq!(&new[..], &key(30));
    let group = "rbd_group_header.g1";
    let image = |pool_id| GroupImageSpec { image_id: "10ab".to_owned(), pool_id }.key();
    assert_eq!(moved_pair(group, image(3), &GroupImageState::Attached).0, image(30));
    let of = |pool_id| GroupSnapshot {
        id: "s1".to_owned(),
        name: "s".to_owned(),
        state: GroupSnapshotState::Complete,
        snapshots: vec![ImageSnapshotSpec { pool_id, image_id: "10ab".to_owned(), snap_id: 4 }],
    };
    assert_eq!(moved_value(group, "snapshot_s1", &of(4)), of(40));
    let schedule = marcot_format::mgr::Schedule::default();
    for (before, after) in [("3", "30"), ("3/ns", "30/ns"), ("4//10ab", "40//10ab")] {
        assert_eq!(moved_pair(TRASH_PURGE_SCHEDULE, before, &schedule).0, after);
    }
}

#[test]
fn a_journal_follows_its_pool() {
    assert_eq!(moved_value("journal.10ab", "pool_id", &3i64), 30);
    assert_eq!(moved_value("journal.10ab", "pool_id", &-1i64), -1);
    let name = |name: &str| object_name(name, &mut map).unwrap();
    assert_eq!(name("journal_data.3.10ab.7"), "journal_data.30.10ab.7");
    assert_eq!(name("rbd_data.3.10ab.0000000000000007"), "rbd_data.3.10ab.0000000000000007");
    assert_eq!(name("journal_data.mine"), "journal_data.mine");
}

#[test]
fn nobody_holds_a_lock_on_the_copy() {
    let id = LockerId { locker: entity::EntityName::client(7), cookie: "auto 1".to_owned() };
    let info = LockerInfo {
        expiration: Utime::default(),
        address: entity::EntityAddress::BLANK,
        description: String::new(),
    };
    let held = LockInfo {
        lockers: [(id, info)].into(),
        kind: LockKind::Exclusive,
        tag: "internal".to_owned(),
    };
    let free = LockInfo { lockers: [].into(), ..held.clone() };
    let there = attribute("lock.rbd_lock", held.to_bytes().into()).unwrap();
    assert_eq!(&there[..], &free.to_bytes());
    let other = Bytes::from_static(b"anything");
    assert_eq!(attribute("user.mine", other.clone()).unwrap(), other);
}

#[test]
fn a_pool_that_is_left_behind_and_damage_are_refused() {
    let refused = |key: &str, value: Vec<u8>| {
        super::pair(HEADER, (key.to_owned().into(), value.into()), &mut map).unwrap_err()
    };
    assert_eq!(refused("parent", parent(9).to_bytes()), Refused::Unknown(9));
    assert!(matches!(refused("parent", vec![1]), Refused::Damaged(_)));
    assert!(matches!(refused("data_pool_id", vec![]), Refused::Damaged(_)));
}

/// Whoever adds a record with a pool's id to the format decides here what becomes of it.
#[test]
fn every_record_that_names_a_pool_is_known() {
    const KNOWN: [&str; 14] = [
        "children.rs",
        "group.rs",
        "group/image.rs",
        "group/snapshot.rs",
        "journal.rs",
        "mgr/schedule.rs",
        // A manager's tasks are refused.
        "mgr/task.rs",
        "migration.rs",
        "object_name.rs",
        "parent.rs",
        // Ids of other clusters, always -1.
        "mirror/peer.rs",
        "record.rs",
        "snapshot.rs",
        "snapshot/namespace.rs",
    ];
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../format/src");
    let files = record::ALL.iter().map(|record| record.file);
    for file in files {
        let code = std::fs::read_to_string(format!("{sources}/{file}")).unwrap();
        let names = ["pool_id", "pool: i64"].iter().any(|word| code.contains(word));
        assert!(!names || KNOWN.contains(&file), "{file} names a pool");
    }
}
