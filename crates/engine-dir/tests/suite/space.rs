//! Full stores, and space that comes back.

use std::sync::Arc;

use marcot_engine_dir::device::{Call, SimulatedVolume, Volume};
use marcot_engine_dir::{CreateOptions, Depth, DirEngine, OpenOptions, Threads};
use marcot_store::{
    Errno, ObjectId, PoolId, Result, SnapContext, SnapId, Space, Store, Version, WriteOp, WriteStep,
};
use marcot_testkit::{SampleClasses, ThreadEnv};
use pollster::block_on;

const LIMIT: u64 = 4 << 20;

fn open(volume: &Arc<SimulatedVolume>) -> Arc<DirEngine> {
    let options = OpenOptions::new(Arc::new(SampleClasses), Arc::new(ThreadEnv::new(1)));
    let limit_bytes = Some(LIMIT);
    let options = OpenOptions { threads: Threads::None, limit_bytes, ..options };
    DirEngine::open_volume(Arc::clone(volume) as Arc<dyn Volume>, options).expect("it opens")
}

fn volume() -> Arc<SimulatedVolume> {
    let volume = SimulatedVolume::new();
    let create = CreateOptions::new(Arc::new(ThreadEnv::new(1)));
    let create = CreateOptions { log_bytes: 64 << 10, ..create };
    DirEngine::create_on(&*volume, &create).expect("no failure is planned");
    volume
}

fn run(store: &dyn Store, number: u64, step: WriteStep, snaps: &[u64]) -> Result<Version> {
    let id = ObjectId::new(PoolId(1), "", format!("object.{number}"));
    let snaps: Arc<[SnapId]> = snaps.iter().map(|snap| SnapId(*snap)).collect();
    let seq = snaps.first().copied().unwrap_or_default();
    let op = WriteOp::new(vec![step]).with_snap_context(SnapContext { seq, snaps });
    block_on(store.write(&id, op.ordered()))
}

fn fill(byte: u8) -> WriteStep {
    WriteStep::Write { offset: 0, data: vec![byte; 256 << 10].into() }
}

fn space(store: &dyn Store) -> Space {
    block_on(store.status()).expect("it answers").space
}

#[test]
fn a_full_store_takes_removals_and_then_writes_again() {
    let engine = open(&volume());
    let store = engine.client();
    let full = (0..100).find(|number| match run(&*store, *number, fill(1), &[]) {
        Ok(_) => false,
        Err(error) => {
            assert_eq!(error.errno, Errno::NOSPC, "{error}");
            true
        }
    });
    let full = full.expect("the store has a limit");
    assert!((10..16).contains(&full), "{full} objects of 256 KiB in 4 MiB");
    run(&*store, 0, WriteStep::Remove, &[]).expect("the reserve is for this");
    run(&*store, full, fill(2), &[]).expect("what is freed comes back when it is needed");
    block_on(store.flush()).expect("no failure is planned");
    let report = engine.check(Depth::Data).expect("no failure is planned");
    assert!(report.is_clean(), "{:#?}", report.problems);
}

#[test]
fn what_others_fill_can_still_be_emptied() {
    let volume = volume();
    let engine = open(&volume);
    let store = engine.client();
    // As an object map is kept: data of a few bytes, by a class, and some keys.
    let update = |round: u8| {
        let (class, method) = ("sample".to_owned(), "fill".to_owned());
        WriteStep::Exec { class, method, input: vec![round + 1; 100].into() }
    };
    for number in 0..8 {
        run(&*store, number, fill(1), &[]).expect("there is room");
    }
    run(&*store, 9, update(0), &[]).expect("there is room");
    // Until the log's first segment is nearly full.
    for round in 0..125u8 {
        let entries = vec![("key".into(), vec![round; 300].into())];
        run(&*store, 9, WriteStep::OmapSet { entries }, &[]).expect("there is room");
    }
    run(&*store, 8, fill(1), &[]).expect("there is room");
    block_on(store.flush()).expect("no failure is planned");
    volume.fill(0);
    let refused = run(&*store, 10, fill(2), &[]).expect_err("others have filled the medium");
    assert_eq!(refused.errno, Errno::NOSPC, "{refused}");
    // In all much more than log and blocks set aside have room for (two blocks, and a sync or two takes
    // a block of log whenever they are used up): what is freed must become room again.
    for number in 0..8 {
        for round in 0..8 {
            let updated = run(&*store, 9, update(round), &[]);
            updated.unwrap_or_else(|error| panic!("{number}, {round}: {error}"));
        }
        run(&*store, number, WriteStep::Remove, &[]).expect("it gives space back");
    }
    run(&*store, 10, fill(2), &[]).expect("what is freed comes back when it is needed");
    drop((store, engine));
    let report = open(&volume).check(Depth::Data).expect("no failure is planned");
    assert!(report.is_clean(), "{:#?}", report.problems);
}

#[test]
fn clones_of_removed_snapshots_make_room_when_it_is_needed() {
    let engine = open(&volume());
    let store = engine.client();
    for round in 0..20u8 {
        let snap = block_on(store.create_snap_id(PoolId(1))).expect("there is room");
        for number in 0..3 {
            let written = run(&*store, number, fill(round + 1), &[snap.0]);
            written.unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        block_on(store.remove_snap_id(PoolId(1), snap)).expect("it was given out");
    }
    let report = engine.check(Depth::Data).expect("no failure is planned");
    assert!(report.is_clean(), "{:#?}", report.problems);
}

#[test]
fn what_removed_snapshots_will_give_back_is_pending() {
    let volume = volume();
    let engine = open(&volume);
    let store = engine.client();
    run(&*store, 0, fill(1), &[]).expect("there is room");
    let snap = block_on(store.create_snap_id(PoolId(1))).expect("there is room");
    let write = WriteStep::Write { offset: 0, data: vec![2; 128 << 10].into() };
    run(&*store, 0, write, &[snap.0]).expect("there is room");
    let before = space(&*store);
    assert_eq!(before.pending_bytes, 0);
    block_on(store.remove_snap_id(PoolId(1), snap)).expect("it was given out");
    let after = space(&*store);
    assert_eq!(after.pending_bytes, 128 << 10, "what the snapshot alone holds");
    assert_eq!(after.used_bytes, before.used_bytes - (128 << 10));
    while engine.housekeep(64).expect("no failure is planned") {}
    assert_eq!(space(&*store).pending_bytes, 128 << 10, "in quarantine");
    assert_eq!(space(&*store).used_bytes, after.used_bytes);
}

#[test]
fn discarded_ranges_are_given_back_to_the_file_system() {
    let volume = volume();
    let engine = open(&volume);
    let store = engine.client();
    run(&*store, 0, fill(1), &[]).expect("there is room");
    let used = space(&*store).used_bytes;
    run(&*store, 0, WriteStep::Zero { offset: 0, length: 128 << 10 }, &[]).expect("there is room");
    assert_eq!(space(&*store).used_bytes, used - (128 << 10));
    assert_eq!(space(&*store).pending_bytes, 128 << 10);
    for number in 1..4 {
        // A sync makes the discard durable, the next one the record that says so.
        let data = vec![1; 4096].into();
        run(&*store, number, WriteStep::Write { offset: 0, data }, &[]).expect("there is room");
        block_on(store.flush()).expect("no failure is planned");
    }
    assert_eq!(space(&*store).pending_bytes, 0);
    assert_eq!(volume.calls(Call::Punch), 1);
}
