//! Operations of several steps: one result each, all or nothing.

use futures_util::future::join_all;
use marcot_store::op::{CreateMode, Durability};
use marcot_store::{Errno, ReadOp, ReadResult, ReadStep, SnapId, WriteOp, WriteStep};
use pollster::block_on;

use crate::{Subject, bytes, put};

pub fn every_read_step_has_its_result(s: &Subject) {
    let id = s.object("o");
    let xattr = WriteStep::SetXattr { name: "a".into(), value: bytes("1") };
    s.write(&id, vec![put(0, "data"), xattr]);
    let op = ReadOp {
        steps: vec![
            ReadStep::AssertExists,
            ReadStep::Read { offset: 1, length: 2 },
            ReadStep::GetXattr { name: "a".into() },
            ReadStep::OmapGet { keys: vec![] },
        ],
    };
    let results = s.wait(s.store.read(&id, SnapId::HEAD, op));
    let expected = [
        ReadResult::Done,
        ReadResult::Data(bytes("at")),
        ReadResult::Data(bytes("1")),
        ReadResult::Omap(Default::default()),
    ];
    assert_eq!(results, expected);
}

pub fn the_first_failing_read_step_fails_the_operation(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "data")]);
    let missing = ReadStep::GetXattr { name: "none".into() };
    let wrong = ReadStep::CompareExtent { offset: 0, data: bytes("x") };
    let op = ReadOp { steps: vec![ReadStep::Stat, missing, wrong] };
    let error = block_on(s.store.read(&id, SnapId::HEAD, op)).expect_err("there is none");
    // librados' C API can only read all attributes in a compound operation: that one is missing
    // shows when the operation has ended.
    let expected = if s.is_ceph() { Errno::ILSEQ } else { Errno::NODATA };
    assert_eq!(error.errno, expected);
}

pub fn a_failing_step_undoes_the_steps_before_it(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "before")]);
    let version = s.write(&id, vec![put(0, "Before")]);
    let steps = vec![
        put(0, "changed and longer"),
        WriteStep::SetXattr { name: "a".into(), value: bytes("1") },
        WriteStep::OmapSet { entries: vec![(bytes("k"), bytes("v"))] },
        WriteStep::Create(CreateMode::Exclusive),
    ];
    assert_eq!(s.refused(&id, steps), Errno::EXIST);
    assert_eq!(s.data(&id), Some(bytes("Before")));
    assert_eq!(s.xattr(&id, "a"), Err(Errno::NODATA));
    assert!(s.omap(&id).is_empty());
    match s.read(&id, ReadStep::Stat) {
        Ok(ReadResult::Stat(stat)) => assert_eq!(stat.version, version),
        other => panic!("{other:?}"),
    }
}

pub fn a_failing_operation_creates_nothing(s: &Subject) {
    let id = s.object("o");
    assert_eq!(
        s.refused(&id, vec![put(0, "x"), WriteStep::Create(CreateMode::Exclusive)]),
        Errno::EXIST
    );
    assert!(!s.exists(&id), "the step before had created it");
}

pub fn comparing_sees_the_bytes_before_the_operation(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "old")]);
    if s.is_ceph() {
        // An OSD of 16.2 would take the object for lost: the engine does not ask it.
        let compare = WriteStep::CompareExtent { offset: 0, data: bytes("old") };
        assert_eq!(s.refused(&id, vec![put(0, "new"), compare]), Errno::OPNOTSUPP);
        return;
    }
    let compare = |text| WriteStep::CompareExtent { offset: 0, data: bytes(text) };
    assert_eq!(s.refused(&id, vec![put(0, "new"), compare("new")]), Errno::ILSEQ);
    s.write(&id, vec![put(0, "new"), compare("old")]);
    assert_eq!(s.data(&id), Some(bytes("new")));
}

pub fn existence_is_what_the_steps_before_made_of_it(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![WriteStep::Create(CreateMode::Exclusive), WriteStep::AssertExists]);
    s.write(&id, vec![WriteStep::Remove, WriteStep::Create(CreateMode::Exclusive), put(0, "x")]);
    assert_eq!(s.data(&id), Some(bytes("x")));
    assert_eq!(s.refused(&id, vec![WriteStep::Remove, WriteStep::AssertExists]), Errno::NOENT);
    assert!(s.exists(&id));
}

pub fn steps_take_effect_in_their_order(s: &Subject) {
    let id = s.object("o");
    let entries = vec![(bytes("a"), bytes("1"))];
    s.write(
        &id,
        vec![
            put(0, "0123456789"),
            WriteStep::Truncate { size: 5 },
            put(2, "AB"),
            WriteStep::Zero { offset: 0, length: 1 },
            WriteStep::OmapSet { entries },
            WriteStep::OmapRemove { keys: vec![bytes("a")] },
            WriteStep::OmapSet { entries: vec![(bytes("b"), bytes("2"))] },
        ],
    );
    assert_eq!(s.data(&id), Some(bytes("\u{0}1AB4")));
    assert_eq!(s.omap(&id), [("b".to_owned(), "2".to_owned())]);
}

pub fn unawaited_writes_of_one_object_keep_their_order(s: &Subject) {
    let id = s.object("o");
    let writes =
        (0..30).map(|n| s.store.write(&id, WriteOp::new(vec![put(0, &format!("{n:02}"))])));
    for outcome in block_on(join_all(writes.collect::<Vec<_>>())) {
        outcome.expect("the write works");
    }
    assert_eq!(s.data(&id), Some(bytes("29")));
}

pub fn a_submitted_write_completes_without_being_polled(s: &Subject) {
    let id = s.object("o");
    drop(s.store.write(&id, WriteOp::new(vec![put(0, "dropped")])));
    s.wait(s.store.flush());
    assert_eq!(s.data(&id), Some(bytes("dropped")));
}

pub fn ordered_writes_are_seen_at_once_and_flush_accepts_them(s: &Subject) {
    let id = s.object("o");
    let op = WriteOp::new(vec![put(0, "ordered")]).ordered();
    assert_eq!(op.durability, Durability::Ordered);
    s.wait(s.store.write(&id, op));
    assert_eq!(s.data(&id), Some(bytes("ordered")));
    s.wait(s.store.flush());
    s.wait(s.store.flush());
    assert_eq!(s.data(&id), Some(bytes("ordered")));
}

pub fn many_writers_of_one_object_lose_nothing(s: &Subject) {
    if s.is_ceph() {
        // The class is not on its OSDs; the engine's own tests do the same with one that is.
        return;
    }
    let id = s.object("o");
    let exec =
        || WriteStep::Exec { class: "sample".into(), method: "add_one".into(), input: bytes("") };
    let clients: Vec<_> = (0..4).map(|_| s.client()).collect();
    let writes = (0..40).map(|n| clients[n % 4].write(&id, WriteOp::new(vec![exec()])));
    for outcome in block_on(join_all(writes.collect::<Vec<_>>())) {
        outcome.expect("the write works");
    }
    assert_eq!(s.data(&id), Some(bytes("40")));
}
