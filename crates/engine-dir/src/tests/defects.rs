//! Whether the crash suite finds defects that were put in on purpose.

use marcot_testkit::crash::Campaign;
use marcot_testkit::model::Action;

use super::rig::{SmallStore, random_actions};
use crate::planted::{Defect, plant};

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

/// What the suite says of a store with that defect: each sequence under each way of checkpoints.
fn find(defect: Option<Defect>) -> Result<(), String> {
    plant(defect);
    let campaign = Campaign { seed: 1, images: 10, second_crash_every: 0, moments: 60 };
    let mut sequences = vec![rewrites(), shares()];
    sequences.extend((0..4).map(|seed| random_actions(seed, 20)));
    let outcome = [1 << 20, 2000].into_iter().try_for_each(|checkpoint_bytes| {
        let rig = SmallStore { checkpoint_bytes };
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
