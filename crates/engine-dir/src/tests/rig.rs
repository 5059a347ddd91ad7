//! The engine over a simulated volume, as the crash harness drives it.

use std::sync::Arc;

use marcot_store::Store;
use marcot_testkit::Random;
use marcot_testkit::crash::{Call, Fate, Length, PowerCut, Rig, Strike};
use marcot_testkit::model::Action;

use super::{options, small};
use crate::device::{self, SimulatedVolume, Volume};
use crate::{DirEngine, OpenOptions};

/// Everything happens within the calls, and the log is short: runs repeat, images are small.
#[derive(Clone, Copy, Debug)]
pub(super) struct SmallStore {
    /// Bytes of log after which a checkpoint is made.
    pub(super) checkpoint_bytes: u64,
}

impl SmallStore {
    fn engine(&self, disk: &Arc<SimulatedVolume>) -> Result<Arc<DirEngine>, String> {
        let options = OpenOptions { checkpoint_bytes: self.checkpoint_bytes, ..options() };
        let volume = Arc::clone(disk) as Arc<dyn Volume>;
        DirEngine::open_volume(volume, options).map_err(|error| error.to_string())
    }
}

impl Rig for SmallStore {
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

    fn calls(&self, disk: &Self::Disk, call: Call) -> u64 {
        disk.calls(kind(call))
    }

    fn inject(&self, disk: &Self::Disk, strike: Strike) {
        disk.inject(match strike {
            Strike::Error(call, nth) => device::Fault::io_error(kind(call), nth),
            Strike::Full(call, nth) => device::Fault::no_space(kind(call), nth),
        });
    }

    fn heal(&self, disk: &Self::Disk) {
        disk.heal();
    }
}

fn kind(call: Call) -> device::Call {
    match call {
        Call::Write => device::Call::Write,
        Call::Sync => device::Call::Sync,
        Call::SetLen => device::Call::SetLen,
        Call::Read => device::Call::Read,
    }
}

/// The same actions for the same seed.
pub(super) fn random_actions(seed: u64, count: usize) -> Vec<Action> {
    let mut random = Random::new(seed);
    (0..count).map(|_| Action::random(&mut random)).collect()
}
