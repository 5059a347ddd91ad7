//! Stores that earlier versions made.

use super::*;
use crate::device::SimulatedVolume;
use crate::layout::{Seal, Superblock};
use crate::recovery::{FormatOptions, format};
use crate::units::BLOCK;

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
fn a_store_of_format_1_opens_and_becomes_one_of_format_2() {
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
    assert_eq!(newest[FORMAT_AT], 2);
    let place = Superblock::decode(newest).expect("it is whole").newest;
    assert_ne!(place.seal, Seal::default(), "the log has entered a segment with a seal");
}

#[test]
fn a_store_of_a_later_format_is_refused_whichever_superblock_is_newer() {
    for number in 0..2 {
        let volume = store_of_format_1();
        let mut later = slot(&volume, number);
        later[FORMAT_AT] = 3;
        let checksum = crc32c::crc32c(&later[..BLOCK - 4]);
        later[BLOCK - 4..].copy_from_slice(&checksum.to_le_bytes());
        volume.store().write_at(number * BLOCK as u64, &later).expect("no fault is planned");
        let opened = DirEngine::open_volume(volume as Arc<dyn Volume>, options());
        let words = opened.expect_err("nobody knows what it means").to_string();
        assert!(words.contains("it has format 3"), "{words}");
    }
}
