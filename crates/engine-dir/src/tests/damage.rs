//! Damage to the log: whatever was known to be durable is never given up in silence.

use super::*;
use crate::device::SimulatedVolume;
use crate::layout::{FRAME_HEADER, Record, Superblock};
use crate::log::scan;
use crate::units::{BLOCK, BLOCK_BYTES};
use crate::{RecoverError, Report};

/// One record of a store's log.
#[derive(Clone, Copy, Debug)]
struct Place {
    seq: u64,
    offset: u64,
    length: u64,
    is_jump: bool,
}

/// A store whose log is damaged, record by record.
struct Specimen {
    volume: Arc<SimulatedVolume>,
    records: Vec<Place>,
    /// The newest record that something in the store says was durable.
    known: u64,
}

impl Specimen {
    fn of(volume: Arc<SimulatedVolume>) -> Specimen {
        let device = volume.store();
        let mut slots = vec![0; BLOCK * 2];
        device.read_at(0, &mut slots).expect("it is there");
        let slots = slots.chunks(BLOCK).filter_map(|slot| Superblock::decode(slot).ok());
        let superblock = slots.max_by_key(|slot| slot.generation).expect("one is whole");
        let scanned = scan(&*device, superblock.oldest, 0).expect("nothing is damaged yet");
        let mut segment = superblock.oldest.segment;
        let mut records = Vec::new();
        for found in &scanned.found {
            let end = match found.end.segment == segment {
                true => found.end.position,
                // A jump.
                false => found.start + (FRAME_HEADER + found.record.encode().len()) as u64,
            };
            let (seq, offset) = (found.end.seq, segment.offset() + found.start);
            let is_jump = matches!(found.record, Record::Jump { .. });
            records.push(Place { seq, offset, length: end - found.start, is_jump });
            segment = found.end.segment;
        }
        let told = superblock.synced.map_or(0, |synced| synced.seq);
        Specimen { volume, records, known: scanned.synced.max(told) }
    }

    /// Opens a copy of the store that `hurt` has damaged.
    fn open_hurt(&self, hurt: impl FnOnce(&SimulatedVolume)) -> Result<Report, RecoverError> {
        let copy = self.volume.after_process_death();
        hurt(&copy);
        let engine = DirEngine::open_volume(copy as Arc<dyn Volume>, options())?;
        Ok(engine.check(crate::Depth::Data).expect("nothing else fails"))
    }

    /// Damages each record in turn. Every one that was known to be durable must be told of by its
    /// number; without the others the store opens. Yields how many there were of each.
    fn assert_told_or_not_synced(&self) -> (usize, usize) {
        let is_known = |place: &&Place| place.seq <= self.known;
        for place in &self.records {
            let inner = [0, 4, 8, 9, 12, 20, 28, place.length / 2, place.length - 1];
            for at in inner {
                let offset = place.offset + at;
                self.assert_hurt(place, |copy| copy.flip(offset, 1 << (at % 8)));
            }
            let block = place.offset / BLOCK_BYTES * BLOCK_BYTES;
            let first = self.records.iter().find(|other| other.offset + other.length > block);
            let first = first.expect("the record itself lies there");
            self.assert_hurt(first, |copy| {
                copy.store().write_at(block, &[0; BLOCK]).expect("no fault is planned");
            });
        }
        let known = self.records.iter().filter(is_known).count();
        (known, self.records.len() - known)
    }

    fn assert_hurt(&self, place: &Place, hurt: impl FnOnce(&SimulatedVolume)) {
        match self.open_hurt(hurt) {
            Ok(report) => {
                assert!(place.seq > self.known, "{place:?} was durable up to {}", self.known);
                assert!(report.is_clean(), "{place:?}: {:?}", report.problems);
            }
            Err(RecoverError::Log(words)) => {
                assert!(place.seq <= self.known, "{place:?}, durable {}: {words}", self.known);
                assert!(words.contains(&format!("record {} ", place.seq)), "{place:?}: {words}");
            }
            Err(error) => panic!("{place:?}: {error}"),
        }
    }
}

fn blank() -> Arc<SimulatedVolume> {
    let volume = SimulatedVolume::new();
    DirEngine::create_on(&*volume, &small()).expect("no fault is planned");
    volume
}

fn write(store: &dyn Store, round: u64) {
    let op = write_at(round % 5 * 3000, vec![round as u8 + 1; 5000]).ordered();
    run(store, "a", op).expect("there is room");
}

fn flush(store: &dyn Store) {
    pollster::block_on(store.flush()).expect("no fault is planned");
}

#[test]
fn a_store_that_was_left_in_order_misses_every_record() {
    let volume = blank();
    for process in 0..3 {
        let engine = open(&volume);
        let store = engine.client();
        (0..4).for_each(|round| write(&*store, process * 4 + round));
        flush(&*store);
    }
    let specimen = Specimen::of(volume);
    let (known, rest) = specimen.assert_told_or_not_synced();
    assert_eq!((known, rest), (1 + 3 * 5, 0), "pools, and each owner's mark and writes");
}

#[test]
fn of_a_killed_process_only_the_tail_can_go() {
    let volume = blank();
    let engine = open(&volume);
    let store = engine.client();
    for round in 0..12 {
        write(&*store, round);
        if round % 4 == 3 {
            flush(&*store);
        }
    }
    write(&*store, 12);
    write(&*store, 13);
    let specimen = Specimen::of(volume.after_process_death());
    let (known, rest) = specimen.assert_told_or_not_synced();
    assert_eq!((known, rest), (14, 2), "what came after the last sync");
}

#[test]
fn a_damaged_link_between_segments_is_told() {
    let volume = blank();
    let engine = open(&volume);
    let store = engine.client();
    for round in 0..40 {
        let value = vec![round as u8; 1500];
        let set = WriteStep::OmapSet { entries: vec![("key".into(), value.into())] };
        run(&*store, "a", WriteOp::new(vec![set]).ordered()).expect("there is room");
        if round % 3 == 0 {
            flush(&*store);
        }
    }
    let specimen = Specimen::of(volume.after_process_death());
    let jumps = specimen.records.iter().filter(|place| place.is_jump).count();
    assert!(jumps > 0, "the log has left its first segment");
    let (known, rest) = specimen.assert_told_or_not_synced();
    assert!(known > 38 && rest <= 3, "{known} known, {rest} not");
}

#[test]
fn what_a_long_record_hides_is_found_behind_it() {
    let volume = SimulatedVolume::new();
    let create = CreateOptions { log_bytes: 2 << 20, ..small() };
    DirEngine::create_on(&*volume, &create).expect("no fault is planned");
    let engine = open(&volume);
    let store = engine.client();
    for round in 0..3u8 {
        write(&*store, u64::from(round));
        let entry = |key: u8| (vec![key].into(), vec![round + 1; 60_000].into());
        let set = WriteStep::OmapSet { entries: (0..6).map(entry).collect() };
        run(&*store, "a", WriteOp::new(vec![set]).ordered()).expect("there is room");
    }
    flush(&*store);
    write(&*store, 9);
    let specimen = Specimen::of(volume.after_process_death());
    assert!(specimen.records.iter().any(|place| place.length > 300_000), "longer than a window");
    let (known, rest) = specimen.assert_told_or_not_synced();
    assert_eq!((known, rest), (8, 1));
}
