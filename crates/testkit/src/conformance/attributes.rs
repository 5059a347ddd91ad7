//! Extended attributes and omap.

use bytes::Bytes;
use marcot_store::op::OmapPage;
use marcot_store::{Errno, ReadResult, ReadStep, WriteStep};

use crate::{Subject, bytes};

fn set(name: &str, value: &str) -> WriteStep {
    WriteStep::SetXattr { name: name.into(), value: bytes(value) }
}

fn omap_set(pairs: &[(&str, &str)]) -> WriteStep {
    let entries = pairs.iter().map(|(key, value)| (bytes(key), bytes(value))).collect();
    WriteStep::OmapSet { entries }
}

fn texts(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub fn an_xattr_is_set_read_replaced_and_removed(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![set("b", "1"), set("a", "2"), set("lock.rbd_lock", "")]);
    assert_eq!(s.size(&id), Some(0), "setting one creates the object");
    let all = vec![
        ("a".to_owned(), bytes("2")),
        ("b".to_owned(), bytes("1")),
        ("lock.rbd_lock".to_owned(), bytes("")),
    ];
    assert_eq!(s.read(&id, ReadStep::GetXattrs), Ok(ReadResult::Xattrs(all)));
    s.write(&id, vec![set("a", "3"), WriteStep::RemoveXattr { name: "b".into() }]);
    assert_eq!(s.xattr(&id, "a"), Ok(bytes("3")));
    assert_eq!(s.xattr(&id, "b"), Err(Errno::NODATA));
}

pub fn removing_an_xattr_asks_for_the_object_not_for_the_attribute(s: &Subject) {
    let id = s.object("o");
    let remove = || vec![WriteStep::RemoveXattr { name: "a".into() }];
    assert_eq!(s.refused(&id, remove()), Errno::NOENT);
    s.write(&id, vec![set("b", "1")]);
    s.write(&id, remove());
}

pub fn xattr_names_are_checked(s: &Subject) {
    let id = s.object("o");
    assert_eq!(s.refused(&id, vec![set("", "1")]), Errno::INVAL);
    assert_eq!(s.refused(&id, vec![set(&"n".repeat(101), "1")]), Errno::NAMETOOLONG);
}

pub fn omap_pairs_are_set_replaced_and_removed(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![omap_set(&[("b", "1"), ("a", "2"), ("c", "")])]);
    assert_eq!(s.omap(&id), texts(&[("a", "2"), ("b", "1"), ("c", "")]));
    let keys = vec![bytes("c"), bytes("never there")];
    s.write(&id, vec![omap_set(&[("a", "3")]), WriteStep::OmapRemove { keys }]);
    assert_eq!(s.omap(&id), texts(&[("a", "3"), ("b", "1")]));
    s.write(&id, vec![WriteStep::OmapClear]);
    assert!(s.omap(&id).is_empty() && s.exists(&id));
}

pub fn omap_removal_asks_for_the_object(s: &Subject) {
    let id = s.object("o");
    assert_eq!(
        s.refused(&id, vec![WriteStep::OmapRemove { keys: vec![bytes("a")] }]),
        Errno::NOENT
    );
    assert_eq!(s.refused(&id, vec![WriteStep::OmapClear]), Errno::NOENT);
    s.write(&id, vec![omap_set(&[])]);
    assert_eq!(s.size(&id), Some(0), "setting nothing creates the object");
}

pub fn omap_keys_and_values_are_bytes(s: &Subject) {
    let id = s.object("o");
    let pairs: Vec<(Bytes, Bytes)> = [&[0u8][..], &[0, 0], &[1, 255], &[127], &[128], &[255, 255]]
        .into_iter()
        .map(|key| (Bytes::copy_from_slice(key), Bytes::from(vec![key[0]; 70_000])))
        .collect();
    s.write(&id, vec![WriteStep::OmapSet { entries: pairs.iter().rev().cloned().collect() }]);
    assert_eq!(s.omap_at(&id, marcot_store::SnapId::HEAD), pairs, "ascending by byte");
}

pub fn omap_pages_follow_each_other(s: &Subject) {
    let id = s.object("o");
    let entries = (0..50).map(|n| (bytes(&format!("key{n:02}")), bytes("v"))).collect();
    s.write(&id, vec![WriteStep::OmapSet { entries }, omap_set(&[("a", ""), ("z", "")])]);
    let mut keys = Vec::new();
    loop {
        let step = ReadStep::OmapList { after: keys.last().cloned(), prefix: bytes("key"), max: 7 };
        let Ok(ReadResult::Omap(page)) = s.read(&id, step) else { panic!("an omap page") };
        assert!(page.entries.len() <= 7);
        keys.extend(page.entries.into_iter().map(|(key, _)| key));
        if !page.more {
            break;
        }
    }
    let expected: Vec<Bytes> = (0..50).map(|n| bytes(&format!("key{n:02}"))).collect();
    assert_eq!(keys, expected);
}

pub fn an_omap_list_begins_after_its_key_and_keeps_to_its_prefix(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![omap_set(&[("a1", ""), ("b1", ""), ("b2", ""), ("c1", "")])]);
    let list = |after: Option<&str>, prefix| {
        let step = ReadStep::OmapList { after: after.map(bytes), prefix: bytes(prefix), max: 3 };
        match s.read(&id, step) {
            Ok(ReadResult::Omap(OmapPage { entries, more })) => {
                assert!(!more, "no key of that prefix follows");
                entries.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(list(None, "b"), [bytes("b1"), bytes("b2")]);
    assert_eq!(list(Some("a"), "b"), [bytes("b1"), bytes("b2")]);
    assert_eq!(list(Some("b1"), "b"), [bytes("b2")]);
    assert_eq!(list(Some("b2"), "b"), [] as [Bytes; 0]);
    assert_eq!(list(Some("c"), "b"), [] as [Bytes; 0]);
    assert_eq!(list(Some("a1"), ""), [bytes("b1"), bytes("b2"), bytes("c1")]);
}

pub fn omap_get_yields_the_keys_that_exist(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![omap_set(&[("a", "1"), ("b", "2")])]);
    let step = ReadStep::OmapGet { keys: vec![bytes("b"), bytes("x"), bytes("a")] };
    let entries = vec![(bytes("a"), bytes("1")), (bytes("b"), bytes("2"))];
    assert_eq!(s.read(&id, step), Ok(ReadResult::Omap(OmapPage { entries, more: false })));
}

pub fn an_object_has_data_xattrs_and_omap_apart(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![crate::put(0, "data"), set("a", "xattr"), omap_set(&[("a", "omap")])]);
    s.write(&id, vec![WriteStep::OmapClear]);
    assert_eq!(s.xattr(&id, "a"), Ok(bytes("xattr")));
    s.write(&id, vec![WriteStep::Truncate { size: 0 }, omap_set(&[("a", "again")])]);
    assert_eq!(s.xattr(&id, "a"), Ok(bytes("xattr")));
    assert_eq!(s.omap(&id), texts(&[("a", "again")]));
}

pub fn a_list_after_the_prefix_itself_leaves_that_key_out(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![omap_set(&[("b", ""), ("b1", "")])]);
    let step = ReadStep::OmapList { after: Some(bytes("b")), prefix: bytes("b"), max: 3 };
    let entries = vec![(bytes("b1"), bytes(""))];
    assert_eq!(s.read(&id, step), Ok(ReadResult::Omap(OmapPage { entries, more: false })));
}
