//! Stores that earlier versions made.

use std::ops::Bound;

use super::*;
use crate::device::{Crash, Fate, LengthAfterCrash, SimulatedVolume};
use crate::layout::{
    RowFormat, Seal, SuperRow, Superblock, decode_object, encode_object_with_checksums,
};
use crate::meta::{MetaChange, MetaStore, RedbStore, Table};
use crate::recovery::{FormatOptions, format};
use crate::space::Checksums;
use crate::units::{BLOCK, Run};

/// Where the format stands, and behind which bytes format 1 has no seal.
const FORMAT_AT: usize = 8;
const SEALS_AT: [usize; 3] = [101, 153, 205];

/// The superblock as format 1 had it.
fn without_seals(block: &[u8]) -> Vec<u8> {
    let mut bytes = block[..BLOCK - 4].to_vec();
    for at in SEALS_AT.iter().rev() {
        bytes.drain(*at..*at + 16);
    }
    bytes[FORMAT_AT] = 1;
    bytes.resize(BLOCK - 4, 0);
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

fn slot(volume: &SimulatedVolume, number: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    volume.store().read_at(number * BLOCK as u64, &mut block).expect("it is there");
    block
}

fn store_of_format_1() -> Arc<SimulatedVolume> {
    let volume = SimulatedVolume::new();
    let pools = vec!["rbd".to_owned()];
    let options = FormatOptions { store: [7; 16], seal: Seal::default(), pools, log_blocks: 8 };
    format(&*volume, &options).expect("no fault is planned");
    for number in 0..2 {
        let old = without_seals(&slot(&volume, number));
        volume.store().write_at(number * BLOCK as u64, &old).expect("no fault is planned");
    }
    volume
}

#[test]
fn a_store_of_format_1_opens_and_becomes_one_of_format_3() {
    let volume = store_of_format_1();
    for process in 0..3u8 {
        let engine = open(&volume);
        let store = engine.client();
        for round in 0..10u8 {
            let data = vec![process * 10 + round + 1; 3000];
            run(&*store, "a", write_at(0, data)).expect("there is room");
        }
        let report = engine.check(crate::Depth::Data).expect("nothing fails");
        assert!(report.is_clean(), "{:?}", report.problems);
        if process == 1 {
            engine.checkpoint().expect("nothing fails");
        }
    }
    let engine = open(&volume);
    let found = read_all(&*engine.client(), "a", SnapId::HEAD).expect("it is there");
    assert_eq!(found, vec![30; 3000]);
    let slots = [slot(&volume, 0), slot(&volume, 1)];
    let newest =
        slots.iter().max_by_key(|slot| Superblock::decode(slot).expect("whole").generation);
    let newest = newest.expect("there are two");
    assert_eq!(newest[FORMAT_AT], 3);
    let place = Superblock::decode(newest).expect("it is whole").newest;
    assert_ne!(place.seal, Seal::default(), "the log has entered a segment with a seal");
}

#[test]
fn a_store_of_a_later_format_is_refused_whichever_superblock_is_newer() {
    for number in 0..2 {
        let volume = store_of_format_1();
        let mut later = slot(&volume, number);
        later[FORMAT_AT] = 4;
        let checksum = crc32c::crc32c(&later[..BLOCK - 4]);
        later[BLOCK - 4..].copy_from_slice(&checksum.to_le_bytes());
        volume.store().write_at(number * BLOCK as u64, &later).expect("no fault is planned");
        let opened = DirEngine::open_volume(volume as Arc<dyn Volume>, options());
        let words = opened.expect_err("nobody knows what it means").to_string();
        assert!(words.contains("it has format 4"), "{words}");
    }
}

/// Makes the superblocks and the checkpoint what format 2 had.
fn make_format_2(volume: &SimulatedVolume) {
    for number in 0..2 {
        let mut block = slot(volume, number);
        block[FORMAT_AT] = 2;
        let checksum = crc32c::crc32c(&block[..BLOCK - 4]);
        block[BLOCK - 4..].copy_from_slice(&checksum.to_le_bytes());
        volume.store().write_at(number * BLOCK as u64, &block).expect("no fault is planned");
    }
    let device = volume.meta().expect("no fault is planned").expect("there is a checkpoint");
    let meta: Arc<dyn MetaStore> = Arc::new(RedbStore::open(device).expect("it is whole"));
    let checksums = Checksums::new(Some(Arc::clone(&meta)));
    let sums = |run: Run| {
        let mut sums = Vec::new();
        checksums.load(run, &mut sums).expect("blocks in use have checksums");
        sums
    };
    let all = |table| meta.range(table, Bound::Unbounded, &[], 10_000).expect("it is whole");
    let mut changes = Vec::new();
    for (key, row) in all(Table::Objects) {
        let object = decode_object(&row).expect("it is whole");
        let (key, value) = (key.to_vec(), encode_object_with_checksums(&object, sums));
        changes.push(MetaChange::Put { table: Table::Objects, key, value });
    }
    for (key, _) in all(Table::Checksums) {
        changes.push(MetaChange::Delete { table: Table::Checksums, key: key.to_vec() });
    }
    let row = meta.get(Table::Super, b"").expect("it is whole").expect("there is a checkpoint");
    let mut row = SuperRow::decode(&row).expect("it is whole");
    row.format = RowFormat::ChecksumsInObjects;
    let value = row.encode();
    changes.push(MetaChange::Put { table: Table::Super, key: Vec::new(), value });
    meta.commit(changes).expect("no fault is planned");
}

/// More objects than are taken over in one batch, some of them cloned and written after the
/// checkpoint.
const OBJECTS: u64 = 1100;

fn store_of_format_2() -> Arc<SimulatedVolume> {
    let volume = SimulatedVolume::new();
    let create = CreateOptions { log_bytes: 1 << 20, ..small() };
    DirEngine::create_on(&*volume, &create).expect("no fault is planned");
    let engine = open(&volume);
    let store = engine.client();
    for number in 0..OBJECTS {
        let data = vec![number as u8 | 1; 5000 + number as usize % 3 * 4096];
        run(&*store, &format!("o{number}"), write_at(0, data).ordered()).expect("there is room");
    }
    let snap = pollster::block_on(store.create_snap_id(PoolId(1))).expect("the pool is there");
    for number in (0..OBJECTS).step_by(100) {
        let over = write_at(4096, [9; 100].to_vec()).with_snap_context(context(&[snap.0]));
        run(&*store, &format!("o{number}"), over.ordered()).expect("there is room");
    }
    engine.checkpoint().expect("no fault is planned");
    drop((store, engine));
    make_format_2(&volume);
    volume
}

fn assert_all_there(volume: &Arc<SimulatedVolume>) {
    let engine = open(volume);
    let store = engine.client();
    for number in (0..OBJECTS).step_by(50) {
        let mut expected = vec![number as u8 | 1; 5000 + number as usize % 3 * 4096];
        if number % 100 == 0 {
            let before = read_all(&*store, &format!("o{number}"), SnapId(4));
            assert_eq!(before.expect("it is there"), expected);
            expected[4096..4196].fill(9);
        }
        let found = read_all(&*store, &format!("o{number}"), SnapId::HEAD);
        assert_eq!(found.expect("it is there"), expected);
    }
    let report = engine.check(crate::Depth::Data).expect("nothing fails");
    assert!(report.is_clean(), "{:#?}", report.problems);
}

#[test]
fn a_checkpoint_of_format_2_is_taken_over() {
    let volume = store_of_format_2();
    assert_all_there(&volume);
    assert!((0..2).any(|number| slot(&volume, number)[FORMAT_AT] == 3));
    let before = volume.events();
    assert_all_there(&volume);
    assert_eq!(volume.events(), before, "the second time there is nothing left to do");
}

#[test]
fn a_checkpoint_of_format_2_is_taken_over_wherever_power_goes() {
    let volume = store_of_format_2().after_process_death();
    drop(open(&volume));
    let events = volume.events();
    assert!(events > 100, "{events}");
    // Every eleventh moment: a batch is some hundred.
    for moment in (0..=events).step_by(11) {
        for kept in [true, false] {
            let fate = |_| if kept { Fate::Kept } else { Fate::Lost };
            let length = LengthAfterCrash::AsWritten;
            let cut = volume.after(&Crash { events: moment, fate: &fate, length });
            assert_all_there(&cut);
        }
    }
}
