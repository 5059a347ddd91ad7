//! Rolling an object back to a snapshot.

use marcot_store::{Errno, WriteStep};

use crate::{Subject, bytes, context, put};

pub fn rollback_restores_data_attributes_and_omap(s: &Subject) {
    let id = s.object("o");
    let entry = |value| WriteStep::OmapSet { entries: vec![(bytes("k"), bytes(value))] };
    let xattr = |value| WriteStep::SetXattr { name: "a".into(), value: bytes(value) };
    s.write(&id, vec![put(0, "longer before"), entry("old"), xattr("old")]);
    let snap = s.snap();
    let known = context(&[snap]);
    let cut = WriteStep::WriteFull { data: bytes("after") };
    s.write_under(&id, &known, vec![cut, entry("new"), xattr("new")]);
    s.roll_back(&id, &known, snap);
    assert_eq!(s.data(&id), Some(bytes("longer before")));
    assert_eq!(s.omap(&id), [("k".to_owned(), "old".to_owned())]);
    assert_eq!(s.xattr(&id, "a"), Ok(bytes("old")));
    assert_eq!(s.data_at(&id, snap), Some(bytes("longer before")));
}

pub fn rollback_to_what_the_head_still_is_changes_nothing(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "same")]);
    let snap = s.snap();
    s.roll_back(&id, &context(&[snap]), snap);
    assert_eq!(s.data(&id), Some(bytes("same")));
    assert_eq!(s.data_at(&id, snap), Some(bytes("same")));
}

pub fn rollback_to_before_its_birth_removes_the_object(s: &Subject) {
    let id = s.object("o");
    let snap = s.snap();
    s.write_under(&id, &context(&[snap]), vec![put(0, "young")]);
    s.roll_back(&id, &context(&[snap]), snap);
    assert!(!s.exists(&id));
}

pub fn rollback_of_a_missing_object_is_no_error(s: &Subject) {
    let id = s.object("none");
    let snap = s.snap();
    s.roll_back(&id, &context(&[snap]), snap);
    assert!(!s.exists(&id));
}

pub fn rollback_brings_a_removed_object_back(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "text")]);
    let snap = s.snap();
    let known = context(&[snap]);
    s.write_under(&id, &known, vec![WriteStep::Remove]);
    s.roll_back(&id, &known, snap);
    assert_eq!(s.data(&id), Some(bytes("text")));
}

pub fn rollback_under_a_newer_snapshot_clones_first(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "one")]);
    let a = s.snap();
    s.write_under(&id, &context(&[a]), vec![put(0, "two and more")]);
    let b = s.snap();
    s.roll_back(&id, &context(&[a, b]), a);
    assert_eq!(s.data(&id), Some(bytes("one")));
    assert_eq!(s.data_at(&id, b), Some(bytes("two and more")));
    s.roll_back(&id, &context(&[a, b]), b);
    assert_eq!(s.data(&id), Some(bytes("two and more")));
    assert_eq!(s.data_at(&id, a), Some(bytes("one")));
}

pub fn what_is_written_after_a_rollback_leaves_the_clone_alone(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![WriteStep::WriteFull { data: vec![1; 10_000].into() }]);
    let snap = s.snap();
    let known = context(&[snap]);
    s.write_under(&id, &known, vec![put(5, "x")]);
    s.roll_back(&id, &known, snap);
    s.write_under(&id, &known, vec![WriteStep::WriteFull { data: vec![2; 10_000].into() }]);
    assert_eq!(s.data_at(&id, snap).unwrap_or_default(), vec![1; 10_000]);
}

pub fn rollback_stands_alone_in_its_operation(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "x")]);
    let snap = s.snap();
    let steps = vec![WriteStep::Rollback { snap }, put(0, "y")];
    assert_eq!(s.refused(&id, steps), Errno::INVAL);
    assert_eq!(s.data(&id), Some(bytes("x")));
}

pub fn rollback_does_not_remove_a_watched_object(s: &Subject) {
    let id = s.object("o");
    let snap = s.snap();
    s.write_under(&id, &context(&[snap]), vec![put(0, "young")]);
    let watch = s.wait(s.store.watch(&id));
    assert_eq!(s.refused(&id, vec![WriteStep::Rollback { snap }]), Errno::BUSY);
    s.wait(s.store.unwatch(&id, watch.handle));
    s.roll_back(&id, &context(&[snap]), snap);
    assert!(!s.exists(&id));
}

pub fn rollback_narrows_the_overlap_by_what_it_brings_back(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "0123456789")]);
    let a = s.snap();
    s.write_under(&id, &context(&[a]), vec![put(0, "ab")]);
    let b = s.snap();
    s.roll_back(&id, &context(&[a, b]), a);
    let overlaps: Vec<_> = s.snaps(&id).clones.into_iter().map(|clone| clone.overlap).collect();
    assert_eq!(overlaps, [[(2, 8)], [(2, 8)]]);
}
