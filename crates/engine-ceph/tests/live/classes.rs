//! Class methods, with classes that OSDs have: what the conformance suite checks with its own.

use bytes::Bytes;
use futures_util::future::join_all;
use marcot_store::op::CreateMode;
use marcot_store::{Errno, ReadStep, SnapContext, SnapId, WriteOp, WriteStep};
use marcot_testkit::{Subject, bytes, put};
use pollster::block_on;

fn subject() -> Option<Subject> {
    let conf = crate::configuration(crate::CONF)?;
    let open = move || crate::connect(&conf, None);
    Some(Subject::in_namespace(open, "rbd").judged_by_ceph())
}

fn exec(class: &str, method: &str, input: &[u8]) -> WriteStep {
    let input = Bytes::copy_from_slice(input);
    WriteStep::Exec { class: class.into(), method: method.into(), input }
}

fn create() -> WriteStep {
    WriteStep::Create(CreateMode::Exclusive)
}

fn call(class: &str, method: &str) -> ReadStep {
    ReadStep::Exec { class: class.into(), method: method.into(), input: Bytes::new() }
}

/// A string as Ceph encodes it.
fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

#[test]
fn a_method_answers_refuses_and_undoes_what_came_before() {
    let Some(s) = subject() else { return };
    let id = s.object("o");
    s.write(&id, vec![create(), exec("rbd", "set_id", &text("one"))]);
    assert_eq!(s.read(&id, call("rbd", "get_id")).map(data), Ok(text("one")));
    let set = WriteStep::SetXattr { name: "half".into(), value: bytes("done") };
    assert_eq!(s.refused(&id, vec![set, exec("rbd", "set_id", &text("two"))]), Errno::EXIST);
    assert_eq!(s.read(&id, call("rbd", "get_id")).map(data), Ok(text("one")));
    assert_eq!(s.xattr(&id, "half"), Err(Errno::NODATA), "the step before left nothing");
    let steps = vec![put(0, "data"), exec("rbd", "set_id", &text("two"))];
    assert_eq!(s.refused(&id, steps), Errno::OPNOTSUPP, "an OSD might take the object for lost");
    assert_eq!(s.read(&s.object("none"), call("rbd", "get_id")).map(data), Err(Errno::NOENT));
    assert_eq!(s.read(&id, call("rbd", "set_id")).map(data), Err(Errno::INVAL), "a read cannot");
}

#[test]
fn a_missing_method_is_eopnotsupp_and_a_missing_class_eperm() {
    let Some(s) = subject() else { return };
    let id = s.object("o");
    s.write(&id, vec![put(0, "x")]);
    assert_eq!(s.read(&id, call("rbd", "no_such")).map(data), Err(Errno::OPNOTSUPP));
    assert_eq!(s.refused(&id, vec![exec("rbd", "no_such", b"")]), Errno::OPNOTSUPP);
    assert_eq!(s.refused(&id, vec![exec("no_such", "no_such", b"")]), Errno::PERM);
}

#[test]
fn a_method_reads_at_a_snapshot() {
    let Some(s) = subject() else { return };
    let id = s.object("o");
    s.write(&id, vec![create(), exec("rbd", "set_id", &text("one"))]);
    let snap = s.snap();
    let known = SnapContext { seq: snap, snaps: [snap].into() };
    s.write_under(&id, &known, vec![WriteStep::WriteFull { data: text("two").into() }]);
    assert_eq!(s.read_at(&id, snap, call("rbd", "get_id")).map(data), Ok(text("one")));
    assert_eq!(s.read_at(&id, SnapId::HEAD, call("rbd", "get_id")).map(data), Ok(text("two")));
}

#[test]
fn many_callers_on_one_object_lose_nothing() {
    let Some(s) = subject() else { return };
    let id = s.object("o");
    let input = [text("count"), text("1")].concat();
    let clients: Vec<_> = (0..4).map(|_| s.client()).collect();
    let op = || WriteOp::new(vec![exec("numops", "add", &input)]);
    let calls: Vec<_> = (0..40).map(|n| clients[n % 4].write(&id, op())).collect();
    for outcome in block_on(join_all(calls)) {
        outcome.expect("the method adds");
    }
    let count = ReadStep::OmapGet { keys: vec![bytes("count")] };
    match s.read(&id, count) {
        Ok(marcot_store::ReadResult::Omap(page)) => {
            assert!(page.entries[0].1.starts_with(b"40"), "{:?}", page.entries);
        }
        other => panic!("{other:?}"),
    }
}

fn data(result: marcot_store::ReadResult) -> Vec<u8> {
    match result {
        marcot_store::ReadResult::Data(data) => data.to_vec(),
        other => panic!("{other:?}"),
    }
}
