//! Class methods inside operations. Runs on engines that were opened with [`crate::SampleClasses`].

use marcot_store::{Errno, ReadResult, ReadStep, SnapId, WriteStep};

use crate::{Subject, bytes, put};

fn exec(method: &str, input: &str) -> WriteStep {
    WriteStep::Exec { class: "sample".into(), method: method.into(), input: bytes(input) }
}

fn call(method: &str, input: &str) -> ReadStep {
    ReadStep::Exec { class: "sample".into(), method: method.into(), input: bytes(input) }
}

pub fn a_reading_method_yields_bytes(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "1234567"), exec("set", "key")]);
    assert_eq!(s.read(&id, call("size", "")), Ok(ReadResult::Data(bytes("7"))));
    assert_eq!(s.read(&id, call("get", "key")), Ok(ReadResult::Data(bytes("key"))));
}

pub fn a_methods_errno_fails_the_read(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "x")]);
    assert_eq!(s.read(&id, call("get", "nothing")), Err(Errno::NOENT));
}

pub fn a_missing_method_is_eopnotsupp(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "x")]);
    assert_eq!(s.refused(&id, vec![exec("no such", "")]), Errno::OPNOTSUPP);
    assert_eq!(s.read(&id, call("no such", "")), Err(Errno::OPNOTSUPP));
    let other = ReadStep::Exec { class: "none".into(), method: "get".into(), input: bytes("") };
    assert_eq!(s.read(&id, other), Err(Errno::OPNOTSUPP));
}

pub fn a_reading_method_cannot_write(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "kept")]);
    assert!(s.read(&id, call("write_while_reading", "x")).is_err());
    assert_eq!(s.data(&id), Some(bytes("kept")));
}

pub fn a_writing_method_changes_all_that_an_object_has(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![exec("fill", "text")]);
    assert_eq!(s.data(&id), Some(bytes("text\0\0")));
    assert_eq!(s.xattr(&id, "filled"), Ok(bytes("text")));
    assert_eq!(s.omap(&id), [("filled".to_owned(), "text".to_owned())]);
    s.write(&id, vec![exec("wipe", "")]);
    assert!(!s.exists(&id));
}

pub fn a_failing_method_leaves_nothing(s: &Subject) {
    let id = s.object("o");
    assert_eq!(s.refused(&id, vec![exec("write_and_fail", "x")]), Errno::STALE);
    assert!(!s.exists(&id));
    s.write(&id, vec![put(0, "kept")]);
    assert_eq!(s.refused(&id, vec![exec("write_and_fail", "x")]), Errno::STALE);
    assert_eq!(s.data(&id), Some(bytes("kept")));
    assert_eq!(s.xattr(&id, "half"), Err(Errno::NODATA));
    assert!(s.omap(&id).is_empty());
}

pub fn a_failing_method_undoes_the_steps_before_it(s: &Subject) {
    let id = s.object("o");
    assert_eq!(s.refused(&id, vec![put(0, "x"), exec("create", "")]), Errno::EXIST);
    assert!(!s.exists(&id));
}

pub fn a_method_sees_the_omap_before_the_operation(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![exec("set", "a")]);
    assert_eq!(s.refused(&id, vec![exec("set", "b"), exec("get", "c")]), Errno::NOENT);
    s.write(&id, vec![exec("set", "b"), exec("get", "a")]);
    assert_eq!(s.omap(&id).len(), 2);
}

pub fn a_method_pages_through_a_large_omap(s: &Subject) {
    let id = s.object("o");
    let entries = (0..2500).map(|n| (bytes(&format!("k{n:04}")), bytes("v"))).collect();
    s.write(&id, vec![WriteStep::OmapSet { entries }, exec("set", "other")]);
    assert_eq!(s.read(&id, call("count", "k")), Ok(ReadResult::Data(bytes("2500"))));
    assert_eq!(s.read(&id, call("count", "k1")), Ok(ReadResult::Data(bytes("1000"))));
}

pub fn a_method_reads_at_a_snapshot(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "123")]);
    let snap = s.snap();
    s.write_under(&id, &crate::context(&[snap]), vec![put(0, "123456")]);
    assert_eq!(s.read_at(&id, snap, call("size", "")), Ok(ReadResult::Data(bytes("3"))));
    assert_eq!(s.read_at(&id, SnapId::HEAD, call("size", "")), Ok(ReadResult::Data(bytes("6"))));
}

pub fn a_method_knows_its_caller(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "x")]);
    let expected = format!("{} {}", s.store.client_id(), s.store.client_address());
    assert_eq!(s.read(&id, call("caller", "")), Ok(ReadResult::Data(bytes(&expected))));
}
