//! Large writes that go on where others end, and are sent as one operation: what comes of them is
//! what would have come of each, in the order in which they were asked for.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures_util::future::join_all;
use marcot_store::{Errno, ObjectId, ReadOp, ReadResult, ReadStep, SnapId, WriteOp, WriteStep};
use pollster::block_on;

use super::{cluster, pool, read, write};

const LENGTH: usize = 64 << 10;

fn pattern(number: usize) -> Bytes {
    Bytes::from_iter((0..LENGTH).map(|at| (number * 37 + at / 256 + at) as u8))
}

/// The write of `number` in a sequence.
fn step(number: usize) -> WriteStep {
    WriteStep::Write { offset: (number * LENGTH) as u64, data: pattern(number) }
}

fn op(steps: Vec<WriteStep>) -> WriteOp {
    WriteOp::new(steps)
}

fn patterns(count: usize) -> Vec<u8> {
    (0..count).flat_map(pattern).collect()
}

#[test]
fn a_sequence_is_a_few_operations() {
    let Some(store) = cluster() else { return };
    let object = ObjectId::new(pool(&*store), "", "marcot-gathered");
    let ops: Vec<_> = (0..64).map(|number| op(vec![step(number)])).collect();
    let writes: Vec<_> = ops.into_iter().map(|op| store.write(&object, op)).collect();
    let versions = block_on(join_all(writes)).into_iter().collect::<Result<BTreeSet<_>, _>>();
    let versions = versions.expect("all written");
    // Four go alone, and the others while those are on their way.
    assert!(versions.len() < 48, "{} operations", versions.len());
    let whole = ReadStep::Read { offset: 0, length: 64 * LENGTH as u64 };
    let found = read(&*store, &object, whole);
    assert!(found == Ok(ReadResult::Data(patterns(64).into())), "other bytes");
    assert_eq!(write(&*store, &object, WriteStep::Remove), Ok(()));
}

#[test]
fn what_else_is_asked_of_the_object_keeps_its_place() {
    let Some(store) = cluster() else { return };
    let object = ObjectId::new(pool(&*store), "", "marcot-gathered-in-order");
    let _ = write(&*store, &object, WriteStep::Remove);
    let sequence: Vec<WriteStep> = (0..13).map(step).collect();
    let send = |step: &WriteStep| store.write(&object, op(vec![step.clone()]));
    let reading = |length: usize| {
        let step = ReadStep::Read { offset: 0, length: length as u64 };
        store.read(&object, SnapId::HEAD, ReadOp::single(step))
    };
    for round in 0..10 {
        let mut writes: Vec<_> = sequence[..12].iter().map(send).collect();
        let early = reading(13 * LENGTH);
        // Over what has just been asked for, whose writes mostly wait.
        let over = Bytes::from(vec![0xAA; LENGTH]);
        writes.push(send(&WriteStep::Write { offset: 10 * LENGTH as u64, data: over.clone() }));
        writes.push(send(&sequence[11]));
        writes.push(send(&WriteStep::Truncate { size: 12 * LENGTH as u64 }));
        writes.push(send(&sequence[12]));
        let late = reading(13 * LENGTH);
        let (early, late) = (block_on(early).expect("read"), block_on(late).expect("read"));
        assert!(block_on(join_all(writes)).iter().all(Result::is_ok));
        let mut expected = patterns(12);
        if round > 0 {
            expected.extend(pattern(12));
        }
        assert!(early == [ReadResult::Data(expected.into())], "early, round {round}");
        let mut expected = patterns(13);
        expected[10 * LENGTH..11 * LENGTH].copy_from_slice(&over);
        assert!(late == [ReadResult::Data(expected.into())], "late, round {round}");
    }
    assert_eq!(write(&*store, &object, WriteStep::Remove), Ok(()));
}

#[test]
fn a_guard_refuses_all_of_a_sequence() {
    let Some(store) = cluster() else { return };
    let object = ObjectId::new(pool(&*store), "", "marcot-gathered-guarded");
    let guarded = |number| op(vec![WriteStep::AssertExists, step(number)]);
    let writes: Vec<_> = (0..24).map(|number| store.write(&object, guarded(number))).collect();
    for outcome in block_on(join_all(writes)) {
        assert_eq!(outcome.map_err(|error| error.errno), Err(Errno::NOENT));
    }
    assert_eq!(read(&*store, &object, ReadStep::Stat), Err(Errno::NOENT));
}

#[test]
fn what_waits_is_written_when_nobody_waits_for_it_and_the_connection_ends() {
    let Some(other) = cluster() else { return };
    let object = ObjectId::new(pool(&*other), "", "marcot-gathered-at-the-end");
    for _ in 0..5 {
        let store = cluster().expect("a cluster");
        for number in 0..32 {
            drop(store.write(&object, op(vec![step(number)])));
        }
        drop(store);
        let whole = ReadStep::Read { offset: 0, length: 32 * LENGTH as u64 };
        let found = read(&*other, &object, whole);
        assert!(found == Ok(ReadResult::Data(patterns(32).into())), "other bytes");
        assert_eq!(write(&*other, &object, WriteStep::Remove), Ok(()));
    }
}
