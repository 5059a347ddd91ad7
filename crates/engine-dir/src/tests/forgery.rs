//! A guest whose blocks look like log records, where the log goes next.

use super::*;
use crate::device::{Crash, Fate, LengthAfterCrash, SimulatedVolume};
use crate::layout::{Record, Seal, encode_frame};
use crate::units::BLOCK;

/// Blocks of an object: fewer than are given back to the file system, which would zero them.
const BLOCKS: usize = 15;

/// A block that claims, as a record of the near future, that much more was synced.
fn forged(seal: Seal) -> Vec<u8> {
    let (mut block, _) = encode_frame(seal, 0, (1000, 900), &Record::Mark.encode());
    block.resize(BLOCK, 0);
    block
}

/// A guest fills objects with such blocks and removes them; the log then goes on where they were.
/// For each un-synced change that power may take away: does the store open? Yields how often it did,
/// and how often not.
fn losses(seal: impl Fn(&DirEngine) -> Seal) -> (usize, usize) {
    let volume = SimulatedVolume::new();
    DirEngine::create_on(&*volume, &small()).expect("no fault is planned");
    let engine = open(&volume);
    let store = engine.client();
    let block = forged(seal(&engine));
    for name in ["a", "b", "c", "d"] {
        run(&*store, name, write_at(0, block.repeat(BLOCKS))).expect("there is room");
    }
    for name in ["a", "b", "c", "d"] {
        run(&*store, name, WriteOp::new(vec![WriteStep::Remove])).expect("it is there");
    }
    // Without a sync: what zeroes the next segment may be lost, and the record that leads there kept.
    for round in 0..30 {
        let entries = vec![("key".into(), vec![round; 3000].into())];
        let set = WriteOp::new(vec![WriteStep::OmapSet { entries }]);
        run(&*store, "e", set.ordered()).expect("there is room");
    }
    let (mut opened, mut refused, events) = (0, 0, volume.events());
    for lost in 0..volume.unsynced(events) {
        let fate = |number| if number == lost { Fate::Lost } else { Fate::Kept };
        let length = LengthAfterCrash::AsWritten;
        let after = volume.after(&Crash { events, fate: &fate, length });
        match DirEngine::open_volume(after as Arc<dyn Volume>, options()) {
            Ok(engine) => {
                let report = engine.check(crate::Depth::Data).expect("nothing else fails");
                assert!(report.is_clean(), "{:?}", report.problems);
                opened += 1;
            }
            Err(_) => refused += 1,
        }
    }
    (opened, refused)
}

#[test]
fn what_a_guest_writes_never_passes_for_a_record() {
    let (opened, refused) = losses(|_| Seal::default());
    assert!(opened > 10 && refused == 0, "{opened} opened, {refused} refused");
}

/// Or the test above would show nothing.
#[test]
fn with_the_store_s_own_seal_it_would() {
    let (opened, refused) = losses(|engine| engine.shared.core().seal);
    assert!(refused > 0, "{opened} opened");
}
