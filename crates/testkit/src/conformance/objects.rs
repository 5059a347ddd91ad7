//! Objects as wholes: they begin, grow, and end.

use marcot_store::checked::MAX_OBJECT_SIZE;
use marcot_store::op::CreateMode;
use marcot_store::{
    Errno, ObjectId, PoolId, ReadOp, ReadResult, ReadStep, SnapId, WriteOp, WriteStep,
};

use crate::{Subject, bytes, put};

pub fn a_missing_object_is_enoent_for_every_read(s: &Subject) {
    let id = s.object("none");
    for step in [
        ReadStep::AssertExists,
        ReadStep::Stat,
        ReadStep::Read { offset: 0, length: 1 },
        ReadStep::SparseRead { offset: 0, length: 1 },
        ReadStep::CompareExtent { offset: 0, data: bytes("\0") },
        ReadStep::GetXattr { name: "a".into() },
        ReadStep::GetXattrs,
        ReadStep::OmapList { after: None, prefix: bytes(""), max: 1 },
        ReadStep::OmapGet { keys: vec![bytes("a")] },
        ReadStep::Exec { class: "sample".into(), method: "size".into(), input: bytes("") },
    ] {
        if s.is_ceph() && matches!(step, ReadStep::Exec { .. }) {
            // Its OSDs do not have the class.
            continue;
        }
        assert_eq!(s.read(&id, step.clone()), Err(Errno::NOENT), "{step:?}");
    }
}

pub fn a_write_creates_the_object_and_its_size(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(3, "abc")]);
    assert_eq!(s.size(&id), Some(6));
    assert_eq!(s.data(&id), Some(bytes("\0\0\0abc")));
}

pub fn an_append_begins_where_the_object_ends(s: &Subject) {
    let id = s.object("o");
    let append = |text: &str| WriteStep::Append { data: bytes(text) };
    s.write(&id, vec![append("")]);
    assert_eq!(s.size(&id), Some(0));
    s.write(&id, vec![append("ab")]);
    s.write(&id, vec![append("cd")]);
    assert_eq!(s.data(&id), Some(bytes("abcd")));
    if s.is_ceph() {
        // An OSD truncates to no more than a byte less.
        return;
    }
    s.write(&id, vec![WriteStep::Truncate { size: MAX_OBJECT_SIZE }]);
    assert_eq!(s.refused(&id, vec![append("x")]), Errno::FBIG);
    s.write(&id, vec![append("")]);
    assert_eq!(s.size(&id), Some(MAX_OBJECT_SIZE));
}

pub fn create_exclusive_refuses_what_exists(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![WriteStep::Create(CreateMode::Exclusive)]);
    assert_eq!(s.size(&id), Some(0));
    assert_eq!(s.refused(&id, vec![WriteStep::Create(CreateMode::Exclusive)]), Errno::EXIST);
    s.write(&id, vec![put(0, "kept"), WriteStep::Create(CreateMode::IfAbsent)]);
    assert_eq!(s.data(&id), Some(bytes("kept")));
}

pub fn assert_exists_guards_a_write(s: &Subject) {
    let id = s.object("o");
    assert_eq!(s.refused(&id, vec![WriteStep::AssertExists, put(0, "x")]), Errno::NOENT);
    assert!(!s.exists(&id));
    s.write(&id, vec![WriteStep::Create(CreateMode::IfAbsent)]);
    s.write(&id, vec![WriteStep::AssertExists, put(0, "x")]);
}

pub fn remove_ends_everything_and_a_new_object_begins_empty(s: &Subject) {
    let id = s.object("o");
    assert_eq!(s.refused(&id, vec![WriteStep::Remove]), Errno::NOENT);
    s.write(
        &id,
        vec![
            put(0, "data"),
            WriteStep::SetXattr { name: "a".into(), value: bytes("1") },
            WriteStep::OmapSet { entries: vec![(bytes("k"), bytes("v"))] },
        ],
    );
    s.write(&id, vec![WriteStep::Remove]);
    assert!(!s.exists(&id));
    s.write(&id, vec![WriteStep::Create(CreateMode::Exclusive)]);
    assert_eq!(s.data(&id), Some(bytes("")));
    assert_eq!(s.xattr(&id, "a"), Err(Errno::NODATA));
    assert!(s.omap(&id).is_empty());
}

pub fn an_allocation_hint_creates_the_object(s: &Subject) {
    let id = s.object("o");
    let hint =
        WriteStep::SetAllocHint { expected_object_size: 1 << 22, expected_write_size: 1 << 22 };
    s.write(&id, vec![hint]);
    assert_eq!(s.size(&id), Some(0));
}

pub fn versions_grow_with_every_write(s: &Subject) {
    let id = s.object("o");
    let first = s.write(&id, vec![put(0, "a")]);
    let second = s.write(&id, vec![put(0, "b")]);
    assert!(second > first, "{second:?} after {first:?}");
    match s.read(&id, ReadStep::Stat) {
        Ok(ReadResult::Stat(stat)) => assert_eq!(stat.version, second),
        other => panic!("{other:?}"),
    }
    s.write(&id, vec![WriteStep::Remove]);
    assert!(s.write(&id, vec![put(0, "c")]) > second, "also across a removal");
}

pub fn names_are_checked_at_the_border(s: &Subject) {
    let write = || WriteOp::new(vec![put(0, "x")]);
    assert_eq!(s.try_write(&s.object(""), write()), Err(Errno::INVAL));
    assert_eq!(s.try_write(&s.object(&"n".repeat(2049)), write()), Err(Errno::NAMETOOLONG));
    let long = s.object(&"n".repeat(1024));
    assert!(s.try_write(&long, write()).is_ok());
    assert_eq!(s.data(&long), Some(bytes("x")));
}

pub fn names_may_hold_any_text(s: &Subject) {
    for name in ["with space", "a/b", "..", "%2e", "\u{e4}\u{4e2d}", "new\nline", "nul\0inside"] {
        let id = s.object(name);
        if s.is_ceph() && name.contains('\0') {
            assert_eq!(s.refused(&id, vec![put(0, name)]), Errno::INVAL, "text ends there in C");
            continue;
        }
        s.write(&id, vec![put(0, name)]);
        assert_eq!(s.data(&id), Some(bytes(name)), "{name:?}");
    }
}

pub fn nothing_reaches_beyond_the_largest_object(s: &Subject) {
    let id = s.object("o");
    let data = bytes("x");
    for step in [
        put(MAX_OBJECT_SIZE, "x"),
        put(u64::MAX, "x"),
        WriteStep::Truncate { size: MAX_OBJECT_SIZE + 1 },
        WriteStep::Zero { offset: u64::MAX, length: 2 },
        WriteStep::WriteSame { offset: MAX_OBJECT_SIZE, length: 4, data },
        WriteStep::CompareExtent { offset: MAX_OBJECT_SIZE, data: bytes("x") },
    ] {
        assert_eq!(s.refused(&id, vec![step.clone()]), Errno::FBIG, "{step:?}");
    }
    s.write(&id, vec![put(MAX_OBJECT_SIZE - 1, "x")]);
    assert_eq!(s.size(&id), Some(MAX_OBJECT_SIZE));
}

pub fn namespaces_hold_different_objects_of_one_name(s: &Subject) {
    let plain = s.object("o");
    let inside = ObjectId::new(s.pool, s.unique("inside"), "o");
    s.write(&plain, vec![put(0, "outside")]);
    assert!(!s.exists(&inside));
    s.write(&inside, vec![put(0, "inside")]);
    s.write(&plain, vec![WriteStep::Remove]);
    assert_eq!(s.data(&inside), Some(bytes("inside")));
}

pub fn a_pool_that_is_not_there_is_enoent(s: &Subject) {
    let id = ObjectId::new(PoolId(987_654), "", "o");
    assert_eq!(s.refused(&id, vec![put(0, "x")]), Errno::NOENT);
    assert_eq!(s.read(&id, ReadStep::Stat), Err(Errno::NOENT));
}

pub fn clients_see_each_others_writes(s: &Subject) {
    let (id, other) = (s.object("o"), s.client());
    s.write(&id, vec![put(0, "seen")]);
    let op = ReadOp::single(ReadStep::Read { offset: 0, length: 10 });
    let found = s.wait(other.read(&id, SnapId::HEAD, op));
    assert_eq!(found, [ReadResult::Data(bytes("seen"))]);
    assert_ne!(other.client_id(), s.store.client_id());
    assert_ne!(other.client_address(), s.store.client_address());
}
