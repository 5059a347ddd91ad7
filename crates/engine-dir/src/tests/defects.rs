//! Whether the crash suite finds defects that were put in on purpose.

use std::sync::Arc;

use marcot_store::Store;
use marcot_testkit::Random;
use marcot_testkit::crash::{Call, Campaign, Fate, Length, PowerCut, Rig, Strike};
use marcot_testkit::model::Action;

use super::{options, small};
use crate::device::{self, SimulatedVolume, Volume};
use crate::planted::{Defect, plant};
use crate::{DirEngine, OpenOptions};

/// A store on a disk that loses power, never one whose calls fail.
struct Cuts {
    checkpoint_bytes: u64,
}

impl Cuts {
    fn engine(&self, disk: &Arc<SimulatedVolume>) -> Result<Arc<DirEngine>, String> {
        let options = OpenOptions { checkpoint_bytes: self.checkpoint_bytes, ..options() };
        let volume = Arc::clone(disk) as Arc<dyn Volume>;
        DirEngine::open_volume(volume, options).map_err(|error| error.to_string())
    }
}

impl Rig for Cuts {
    type Disk = Arc<SimulatedVolume>;

    fn blank(&self) -> Self::Disk {
        let volume = SimulatedVolume::new();
        DirEngine::create_on(&*volume, &small()).expect("no fault is planned");
        volume.after_process_death()
    }

    fn open(&self, disk: &Self::Disk) -> Result<Arc<dyn Store>, String> {
        Ok(self.engine(disk)?.client())
    }

    fn check(&self, disk: &Self::Disk) -> Result<(), String> {
        self.engine(disk).map(drop)
    }

    fn moments(&self, disk: &Self::Disk) -> usize {
        disk.events()
    }

    fn unsynced(&self, disk: &Self::Disk, moment: usize) -> usize {
        disk.unsynced(moment)
    }

    fn after(&self, disk: &Self::Disk, cut: &PowerCut) -> Self::Disk {
        let fate = |number| match cut.fate(number) {
            Fate::Kept => device::Fate::Kept,
            Fate::Lost => device::Fate::Lost,
            Fate::Torn(sectors) => device::Fate::Torn { sectors },
        };
        let length = match cut.length {
            Length::AsWritten => device::LengthAfterCrash::AsWritten,
            Length::AsSynced => device::LengthAfterCrash::AsSynced,
        };
        disk.after(&device::Crash { events: cut.moment, fate: &fate, length })
    }

    fn after_process_death(&self, disk: &Self::Disk) -> Self::Disk {
        disk.after_process_death()
    }

    fn calls(&self, _disk: &Self::Disk, _call: Call) -> u64 {
        0
    }

    fn inject(&self, _disk: &Self::Disk, _strike: Strike) {}

    fn heal(&self, _disk: &Self::Disk) {}
}

fn write(object: usize, fill: u8) -> Action {
    Action::Write { object, offset: 0, length: 4096, fill }
}

/// The sequence of decisions.md rule 1, over and over: on a store that grows as it likes the
/// freed block comes up again only after a while.
fn rewrites() -> Vec<Action> {
    let round = [write(0, 1), write(0, 2), write(0, 3), Action::Flush, write(0, 4)];
    round.iter().cycle().take(60).cloned().collect()
}

/// A copy by reference whose source goes on, and blocks freed and used again, by other bytes:
/// equal ones would hide that a block has two owners.
fn shares() -> Vec<Action> {
    let copy = Action::Copyup { object: 2, source: 0, nth: 0, shift: 0 };
    let mut actions = vec![write(0, 9), Action::CreateSnap, copy, write(2, 1), Action::Flush];
    actions.extend(rewrites());
    actions
}

fn some(seed: u64, count: usize) -> Vec<Action> {
    let mut random = Random::new(seed);
    (0..count).map(|_| Action::random(&mut random)).collect()
}

/// What the suite says of a store with that defect: each sequence under each way of checkpoints.
fn find(defect: Option<Defect>) -> Result<(), String> {
    plant(defect);
    let campaign = Campaign { seed: 1, images: 10, second_crash_every: 0, moments: 60 };
    let mut sequences = vec![rewrites(), shares()];
    sequences.extend((0..4).map(|seed| some(seed, 20)));
    let outcome = [1 << 20, 2000].into_iter().try_for_each(|checkpoint_bytes| {
        let rig = Cuts { checkpoint_bytes };
        sequences.iter().try_for_each(|actions| campaign.explore(&rig, actions).map(drop))
    });
    plant(None);
    outcome
}

fn is_found(defect: Defect) {
    let words = find(Some(defect)).expect_err("a defect must not go unnoticed");
    println!("{defect:?}: {}", words.lines().next().unwrap_or_default());
}

#[test]
fn a_store_without_defect_passes() {
    find(None).expect("nothing is planted");
}

#[test]
fn early_reuse_is_found() {
    is_found(Defect::EarlyReuse);
}

#[test]
fn unchecked_recovery_is_found() {
    is_found(Defect::UncheckedRecovery);
}

#[test]
fn a_flush_without_sync_is_found() {
    is_found(Defect::FlushWithoutSync);
}

#[test]
fn an_uncounted_share_is_found() {
    is_found(Defect::UncountedShare);
}

#[test]
fn calling_synced_what_is_not_is_found() {
    is_found(Defect::UnsyncedCalledSynced);
}
