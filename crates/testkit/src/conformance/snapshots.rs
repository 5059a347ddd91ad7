//! Snapshots of single objects: clones, what they serve, what they share.

use marcot_store::op::CreateMode;
use marcot_store::{Errno, ReadStep, SnapContext, SnapId, SnapSet, WriteOp, WriteStep};

use crate::{Subject, bytes, context, put};

pub fn snapshot_ids_only_grow(s: &Subject) {
    let first = s.snap();
    let second = s.snap();
    assert!(second > first && first > SnapId(0));
    s.remove_snap(second);
    assert!(s.snap() > second, "also after the newest is removed");
}

pub fn a_snapshot_keeps_what_it_saw(s: &Subject) {
    let id = s.object("o");
    let entry = |value| WriteStep::OmapSet { entries: vec![(bytes("k"), bytes(value))] };
    let xattr = |value| WriteStep::SetXattr { name: "a".into(), value: bytes(value) };
    s.write(&id, vec![put(0, "old data"), entry("old"), xattr("old")]);
    let snap = s.snap();
    s.write_under(&id, &context(&[snap]), vec![put(0, "new"), entry("new"), xattr("new")]);
    assert_eq!(s.data_at(&id, snap), Some(bytes("old data")));
    assert_eq!(s.data(&id), Some(bytes("new data")));
    assert_eq!(s.omap_at(&id, snap), [(bytes("k"), bytes("old"))]);
    let at_snap = s.read_at(&id, snap, ReadStep::GetXattr { name: "a".into() });
    assert_eq!(at_snap, Ok(marcot_store::ReadResult::Data(bytes("old"))));
    assert_eq!(s.xattr(&id, "a"), Ok(bytes("new")));
}

pub fn only_the_first_write_after_a_snapshot_clones(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "0123456789")]);
    let snap = s.snap();
    assert_eq!(s.snaps(&id).clones, [], "taking a snapshot touches no object");
    s.write_under(&id, &context(&[snap]), vec![put(2, "x")]);
    s.write_under(&id, &context(&[snap]), vec![put(6, "y")]);
    let set = s.snaps(&id);
    assert_eq!((set.seq, set.head_size, set.clones.len()), (snap, Some(10), 1));
    let clone = &set.clones[0];
    assert_eq!((clone.id, &clone.snaps[..], clone.size), (snap, &[snap][..], 10));
    assert_eq!(clone.overlap, [(0, 2), (3, 3), (7, 3)]);
    assert_eq!(s.data_at(&id, snap), Some(bytes("0123456789")));
}

pub fn a_clone_serves_every_snapshot_since_the_write_before(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "one")]);
    let (a, b) = (s.snap(), s.snap());
    s.write_under(&id, &context(&[a, b]), vec![put(0, "two")]);
    let c = s.snap();
    s.write_under(&id, &context(&[a, b, c]), vec![put(0, "six")]);
    let set = s.snaps(&id);
    let served: Vec<_> = set.clones.iter().map(|clone| (clone.id, clone.snaps.clone())).collect();
    assert_eq!(served, [(b, vec![a, b]), (c, vec![c])]);
    for (snap, text) in [(a, "one"), (b, "one"), (c, "two"), (SnapId::HEAD, "six")] {
        assert_eq!(s.data_at(&id, snap), Some(bytes(text)), "{snap:?}");
    }
}

pub fn a_clone_is_named_after_the_seq_of_its_context(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "old")]);
    let (a, b, gone) = (s.snap(), s.snap(), s.snap());
    let context = SnapContext { seq: gone, snaps: vec![b, a].into() };
    s.write_under(&id, &context, vec![put(0, "new")]);
    let set = s.snaps(&id);
    assert_eq!((set.seq, set.clones[0].id), (gone, gone));
    assert_eq!(set.clones[0].snaps, [a, b]);
    assert_eq!(s.data_at(&id, b), Some(bytes("old")));
    assert_eq!(s.data_at(&id, gone), None);
}

pub fn a_snapshot_newer_than_the_last_write_reads_the_head(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "text")]);
    let snap = s.snap();
    assert_eq!(s.data_at(&id, snap), Some(bytes("text")));
}

pub fn an_object_born_after_a_snapshot_is_not_in_it(s: &Subject) {
    let id = s.object("o");
    let snap = s.snap();
    s.write_under(&id, &context(&[snap]), vec![put(0, "young")]);
    assert_eq!(s.data_at(&id, snap), None);
    assert_eq!(s.snaps(&id), SnapSet { seq: snap, clones: vec![], head_size: Some(5) });
}

pub fn an_object_removed_after_a_snapshot_is_still_in_it(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "0123456789")]);
    let snap = s.snap();
    s.write_under(&id, &context(&[snap]), vec![WriteStep::Remove]);
    assert!(!s.exists(&id));
    assert_eq!(s.refused(&id, vec![WriteStep::Remove]), Errno::NOENT);
    assert_eq!(s.data_at(&id, snap), Some(bytes("0123456789")));
    let set = s.snaps(&id);
    assert_eq!((set.head_size, &set.clones[0].overlap[..]), (None, &[][..]));
}

pub fn an_object_born_again_remembers_its_snapshots(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "first life")]);
    let first = s.snap();
    s.write_under(&id, &context(&[first]), vec![WriteStep::Remove]);
    let between = s.snap();
    let known = context(&[first, between]);
    s.write_under(&id, &known, vec![WriteStep::Create(CreateMode::Exclusive), put(0, "second")]);
    assert_eq!(s.data_at(&id, first), Some(bytes("first life")));
    assert_eq!(s.data_at(&id, between), None);
    assert_eq!(s.data(&id), Some(bytes("second")));
    let set = s.snaps(&id);
    assert_eq!((set.seq, set.clones.len(), set.head_size), (between, 1, Some(6)));
}

pub fn every_kind_of_change_clones(s: &Subject) {
    let changes: Vec<(&str, WriteStep)> = vec![
        ("zero", WriteStep::Zero { offset: 0, length: 2 }),
        ("truncate", WriteStep::Truncate { size: 1 }),
        ("write full", WriteStep::WriteFull { data: bytes("x") }),
        ("xattr", WriteStep::SetXattr { name: "a".into(), value: bytes("1") }),
        ("omap", WriteStep::OmapSet { entries: vec![(bytes("k"), bytes("v"))] }),
        ("remove", WriteStep::Remove),
        (
            "exec",
            WriteStep::Exec { class: "sample".into(), method: "set".into(), input: bytes("k") },
        ),
    ];
    for (name, change) in changes {
        if s.is_ceph() && name == "exec" {
            // Its OSDs do not have the class.
            continue;
        }
        let id = s.object(name);
        s.write(&id, vec![put(0, "old")]);
        let snap = s.snap();
        s.write_under(&id, &context(&[snap]), vec![change]);
        assert_eq!(s.snaps(&id).clones.len(), 1, "{name}");
        assert_eq!(s.data_at(&id, snap), Some(bytes("old")), "{name}");
    }
}

pub fn an_operation_without_effect_clones_nothing(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "text")]);
    let snap = s.snap();
    let known = context(&[snap]);
    s.write_under(&id, &known, vec![WriteStep::AssertExists]);
    if !s.is_ceph() {
        // An OSD clones for these two, though they change nothing.
        s.write_under(&id, &known, vec![WriteStep::Create(CreateMode::IfAbsent)]);
        s.write_under(&id, &known, vec![WriteStep::Zero { offset: 100, length: 1 }]);
    }
    let failing = vec![put(0, "x"), WriteStep::Create(CreateMode::Exclusive)];
    let op = WriteOp::new(failing).with_snap_context(known);
    assert_eq!(s.try_write(&id, op), Err(Errno::EXIST));
    assert_eq!(s.snaps(&id).clones, []);
}

pub fn overlaps_shrink_with_every_kind_of_change(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![WriteStep::WriteFull { data: vec![1; 1000].into() }]);
    let snap = s.snap();
    let known = context(&[snap]);
    let overlap = || s.snaps(&id).clones[0].overlap.clone();
    s.write_under(&id, &known, vec![WriteStep::Zero { offset: 100, length: 50 }]);
    assert_eq!(overlap(), [(0, 100), (150, 850)]);
    s.write_under(&id, &known, vec![WriteStep::Truncate { size: 900 }]);
    assert_eq!(overlap(), [(0, 100), (150, 750)]);
    s.write_under(&id, &known, vec![WriteStep::Truncate { size: 1200 }, put(1100, "x")]);
    assert_eq!(overlap(), [(0, 100), (150, 750)]);
    let name = "a".into();
    s.write_under(&id, &known, vec![WriteStep::SetXattr { name, value: bytes("") }]);
    assert_eq!(overlap(), [(0, 100), (150, 750)]);
    s.write_under(&id, &known, vec![WriteStep::WriteFull { data: bytes("all new") }]);
    assert_eq!(overlap(), []);
}

pub fn an_old_context_is_no_error_and_clones_nothing(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "one")]);
    let (a, b) = (s.snap(), s.snap());
    s.write_under(&id, &context(&[a, b]), vec![put(0, "two")]);
    s.write_under(&id, &context(&[a]), vec![put(0, "six")]);
    s.write(&id, vec![put(0, "ten")]);
    assert_eq!((s.snaps(&id).seq, s.snaps(&id).clones.len()), (b, 1));
    assert_eq!(s.data_at(&id, b), Some(bytes("one")));
}

pub fn a_bad_context_is_refused(s: &Subject) {
    let id = s.object("o");
    let (a, b) = (s.snap(), s.snap());
    for (seq, snaps) in [(b, vec![a, b]), (a, vec![b, a]), (b, vec![b, b])] {
        let context = SnapContext { seq, snaps: snaps.into() };
        let op = WriteOp::new(vec![put(0, "x")]).with_snap_context(context.clone());
        assert_eq!(s.try_write(&id, op), Err(Errno::INVAL), "{context:?}");
    }
    assert!(!s.exists(&id));
}

pub fn list_snaps_of_a_missing_object_is_enoent(s: &Subject) {
    let error = pollster::block_on(s.store.list_snaps(&s.object("none"))).expect_err("not there");
    assert_eq!(error.errno, Errno::NOENT);
}

pub fn large_objects_share_and_differ(s: &Subject) {
    let id = s.object("o");
    let fill = |byte, length: usize| vec![byte; length].into();
    s.write(&id, vec![WriteStep::WriteFull { data: fill(1, 1 << 20) }]);
    let mut snaps = Vec::new();
    for round in 0..5u8 {
        snaps.push(s.snap());
        let offset = u64::from(round) * 100_000 + 1;
        let step = WriteStep::Write { offset, data: fill(round + 10, 150_000) };
        s.write_under(&id, &context(&snaps), vec![step]);
    }
    let mut expected = vec![1; 1 << 20];
    for (round, snap) in snaps.iter().enumerate() {
        assert!(
            s.data_at(&id, *snap).is_some_and(|data| data[..] == expected[..]),
            "round {round}"
        );
        expected[round * 100_000 + 1..][..150_000].fill(round as u8 + 10);
    }
    assert!(s.data(&id).is_some_and(|data| data[..] == expected[..]));
}
