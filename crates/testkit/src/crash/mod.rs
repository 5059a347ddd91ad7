//! Power cuts and failing disks, enumerated.
//!
//! An engine brings a [`Rig`]: itself over a simulated disk. [`Campaign::explore`] runs a few
//! actions on it and then, for every change that reached the disk, builds what the medium may hold
//! if power went just then (nothing of what no sync had covered, all of it, prefixes, subsets,
//! torn sectors, a length that lags), opens the store again, checks it, and compares what it shows
//! with the model: all that was durable must be there, and what else is there is a prefix of what
//! had been begun. From some of these images it goes on, so that power also goes during recovery
//! and during the first writes after it. [`Campaign::strike`] lets calls of the disk fail instead.

mod cut;
mod explore;
mod strike;

use std::sync::Arc;

use marcot_store::{PoolId, Store};

pub use cut::{Fate, Length, PowerCut, Survivors};
pub use explore::Tally;

/// An engine over a simulated disk.
pub trait Rig {
    /// A disk with its history. Handles share one state.
    type Disk: Clone;

    /// An empty disk.
    fn blank(&self) -> Self::Disk;

    /// Opens the store on the disk, new or crashed. What keeps the engine alive is in the answer.
    fn open(&self, disk: &Self::Disk) -> Result<Arc<dyn Store>, String>;

    /// Looks through a store that nobody has open.
    fn check(&self, disk: &Self::Disk) -> Result<(), String>;

    /// How many changes the disk has seen: the moments at which power can go.
    fn moments(&self, disk: &Self::Disk) -> usize;

    /// How many changes no sync had covered at that moment.
    fn unsynced(&self, disk: &Self::Disk, moment: usize) -> usize;

    /// The disk as the next start finds it.
    fn after(&self, disk: &Self::Disk, cut: &PowerCut) -> Self::Disk;

    /// The disk as the next start finds it when only the process has died.
    fn after_process_death(&self, disk: &Self::Disk) -> Self::Disk;

    /// How many calls of that kind the disk has seen.
    fn calls(&self, disk: &Self::Disk, call: Call) -> u64;

    /// Lets a call fail, counted as [`Rig::calls`] counts.
    fn inject(&self, disk: &Self::Disk, strike: Strike);

    /// Ends all failures.
    fn heal(&self, disk: &Self::Disk);
}

/// Calls of a disk that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Write,
    Sync,
    SetLen,
    Read,
}

/// A failure to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// `EIO`, once, at the n-th call.
    Error(Call, u64),
    /// `ENOSPC` at the n-th call and every one after it.
    Full(Call, u64),
}

/// How much is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Campaign {
    pub seed: u64,
    /// Images for each moment.
    pub images: usize,
    /// Goes on from one in so many images; 0 for none.
    pub second_crash_every: usize,
    /// At most so many moments of one run, spread over it.
    pub moments: usize,
}

/// The pool that campaigns work in: the first of a new store.
const POOL: PoolId = PoolId(1);
