//! Power cuts at every moment, and a disk whose calls fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use marcot_engine_dir::device::{
    Call as DiskCall, Crash, Fate as DiskFate, Fault, LengthAfterCrash, SimulatedVolume, Volume,
};
use marcot_engine_dir::{CreateOptions, Depth, DirEngine, OpenOptions, Threads};
use marcot_store::Store;
use marcot_testkit::crash::{Call, Campaign, Fate, Length, PowerCut, Rig, Strike};
use marcot_testkit::model::Action;
use marcot_testkit::{Random, SampleClasses, ThreadEnv};

/// The engine over a simulated disk.
struct Simulated {
    checkpoint_bytes: u64,
    /// How often a store was opened: each owner draws random numbers of its own, as in life. Equal
    /// ones would let the records of a lost timeline pass for this one's.
    opened: AtomicU64,
}

impl Simulated {
    fn new(checkpoint_bytes: u64) -> Simulated {
        Simulated { checkpoint_bytes, opened: AtomicU64::new(1) }
    }

    fn engine(&self, disk: &Arc<SimulatedVolume>) -> Result<Arc<DirEngine>, String> {
        let env = Arc::new(ThreadEnv::new(self.opened.fetch_add(1, Ordering::Relaxed)));
        let options = OpenOptions::new(Arc::new(SampleClasses), env);
        let checkpoint_bytes = self.checkpoint_bytes;
        let options = OpenOptions { threads: Threads::None, checkpoint_bytes, ..options };
        DirEngine::open_volume(Arc::clone(disk) as Arc<dyn Volume>, options)
            .map_err(|error| error.to_string())
    }
}

impl Rig for Simulated {
    type Disk = Arc<SimulatedVolume>;

    /// A store without pools: making one is a matter of one rename, which is not simulated.
    fn blank(&self) -> Self::Disk {
        let disk = SimulatedVolume::new();
        let env = Arc::new(ThreadEnv::new(1));
        let create = CreateOptions::new(env);
        let create = CreateOptions { log_bytes: 32 << 10, pools: Vec::new(), ..create };
        DirEngine::create_on(&*disk, &create).expect("no failure is planned");
        disk.after_process_death()
    }

    fn open(&self, disk: &Self::Disk) -> Result<Arc<dyn Store>, String> {
        Ok(self.engine(disk)?.client())
    }

    fn check(&self, disk: &Self::Disk) -> Result<(), String> {
        let report = self.engine(disk)?.check(Depth::Data).map_err(|error| error.to_string())?;
        if report.is_clean() { Ok(()) } else { Err(format!("{:#?}", report.problems)) }
    }

    fn moments(&self, disk: &Self::Disk) -> usize {
        disk.events()
    }

    fn unsynced(&self, disk: &Self::Disk, moment: usize) -> usize {
        disk.unsynced(moment)
    }

    fn after(&self, disk: &Self::Disk, cut: &PowerCut) -> Self::Disk {
        let length = match cut.length {
            Length::AsWritten => LengthAfterCrash::AsWritten,
            Length::AsSynced => LengthAfterCrash::AsSynced,
        };
        let fate = |number| match cut.fate(number) {
            Fate::Kept => DiskFate::Kept,
            Fate::Lost => DiskFate::Lost,
            Fate::Torn(sectors) => DiskFate::Torn { sectors },
        };
        disk.after(&Crash { events: cut.moment, fate: &fate, length })
    }

    fn after_process_death(&self, disk: &Self::Disk) -> Self::Disk {
        disk.after_process_death()
    }

    fn calls(&self, disk: &Self::Disk, call: Call) -> u64 {
        disk.calls(disk_call(call))
    }

    fn inject(&self, disk: &Self::Disk, strike: Strike) {
        disk.inject(match strike {
            Strike::Error(call, nth) => Fault::io_error(disk_call(call), nth),
            Strike::Full(call, nth) => Fault::no_space(disk_call(call), nth),
        });
    }

    fn heal(&self, disk: &Self::Disk) {
        disk.heal();
    }
}

fn disk_call(call: Call) -> DiskCall {
    match call {
        Call::Write => DiskCall::Write,
        Call::Sync => DiskCall::Sync,
        Call::SetLen => DiskCall::SetLen,
        Call::Read => DiskCall::Read,
    }
}

/// How many runs; `MARCOT_CRASH_RUNS` for a long campaign.
fn runs(usual: u64) -> u64 {
    std::env::var("MARCOT_CRASH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(usual)
}

fn explore(checkpoint_bytes: u64, moments: usize, seeds: std::ops::Range<u64>) {
    let rig = Simulated::new(checkpoint_bytes);
    for seed in seeds {
        let campaign = Campaign { seed, images: 8, second_crash_every: 40, moments };
        let actions = sequence(seed, 14);
        if let Err(error) = campaign.explore(&rig, &actions) {
            panic!("seed {seed}: {error}");
        }
    }
}

#[test]
fn a_power_cut_keeps_what_was_flushed_and_a_prefix_of_the_rest() {
    explore(1 << 20, 60, 0..runs(8));
}

#[test]
fn power_cuts_around_checkpoints_lose_nothing_either() {
    explore(2000, 25, 100..100 + runs(2));
}

#[test]
fn the_birth_of_a_pool_is_all_or_nothing() {
    let campaign = Campaign { seed: 1, images: 10, second_crash_every: 0, moments: 100 };
    campaign.explore_birth(&Simulated::new(1 << 20)).expect("nothing is lost");
}

#[test]
fn a_failing_disk_loses_nothing_acknowledged() {
    for seed in 0..runs(3) {
        let campaign = Campaign { seed, images: 4, second_crash_every: 0, moments: 100 };
        let actions = sequence(seed, 8);
        let rig = Simulated::new(1500);
        if let Err(error) = campaign.strike(&rig, &actions) {
            panic!("seed {seed}: {error}");
        }
    }
}

fn sequence(seed: u64, length: usize) -> Vec<Action> {
    let mut random = Random::new(seed);
    (0..length).map(|_| Action::random(&mut random)).collect()
}
