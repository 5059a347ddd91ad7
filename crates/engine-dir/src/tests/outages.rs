//! Power cuts at every moment of short runs and of long ones, and a disk whose calls fail.
//!
//! Sizes: `MARCOT_CRASH_RUNS` (random runs, default 8), `MARCOT_CRASH_IMAGES` (images for each
//! moment, default 8), `MARCOT_CRASH_SEED`.

use std::ops::Range;

use marcot_testkit::crash::{Campaign, Tally};
use marcot_testkit::model::Action;

use super::rig::{SmallStore, random_actions};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn seed() -> u64 {
    number("MARCOT_CRASH_SEED", 1)
}

fn campaign(second_crash_every: usize) -> Campaign {
    let images = number("MARCOT_CRASH_IMAGES", 8) as usize;
    Campaign { seed: seed(), images, second_crash_every, moments: 40 }
}

const STORE: SmallStore = SmallStore { checkpoint_bytes: 3000 };

/// Each pair of actions whose first one is among `firsts`, after a little history, so that there is
/// something to lose.
fn pairs(firsts: Range<usize>) -> Vec<Vec<Action>> {
    let before = [
        Action::Write { object: 0, offset: 0, length: 9000, fill: 4 },
        Action::CreateSnap,
        Action::Flush,
    ];
    let samples = Action::samples();
    let pair = |first: &Action, second: &Action| {
        before.iter().chain([first, second]).cloned().collect::<Vec<_>>()
    };
    let firsts = samples[firsts].iter();
    let pairs = firsts.flat_map(|first| samples.iter().map(move |second| (first, second)));
    pairs.map(|(first, second)| pair(first, second)).collect()
}

fn sum(runs: impl Iterator<Item = Result<Tally, String>>) -> Tally {
    let mut tally = Tally::default();
    for run in runs {
        tally += run.unwrap_or_else(|error| panic!("{error}"));
    }
    tally
}

/// Power may go at any moment of any two actions: in four tests, which run side by side.
fn cut_pairs(firsts: Range<usize>) {
    let tally = sum(pairs(firsts).iter().map(|actions| campaign(113).explore(&STORE, actions)));
    assert!(tally.images > 1000 && tally.second_runs > 10, "{tally:?}");
}

#[test]
fn power_may_go_at_any_moment_of_a_write_and_another_action() {
    cut_pairs(0..3);
}

#[test]
fn power_may_go_at_any_moment_of_a_cut_and_another_action() {
    cut_pairs(3..6);
}

#[test]
fn power_may_go_at_any_moment_of_a_snapshot_and_another_action() {
    cut_pairs(6..9);
}

#[test]
fn power_may_go_at_any_moment_of_a_way_back_and_another_action() {
    cut_pairs(9..12);
}

#[test]
fn the_four_tests_hold_every_pair() {
    let all: usize = [0..3, 3..6, 6..9, 9..12].map(|firsts| pairs(firsts).len()).iter().sum();
    assert_eq!(all, Action::samples().len().pow(2));
}

#[test]
fn power_may_go_at_any_moment_of_a_long_run() {
    let seeds = (0..number("MARCOT_CRASH_RUNS", 8)).map(|run| seed() * 1000 + run);
    sum(seeds.map(|seed| campaign(131).explore(&STORE, &random_actions(seed, 40))));
}

#[test]
fn any_call_of_the_disk_may_fail() {
    let seeds = (0..number("MARCOT_CRASH_RUNS", 8).div_ceil(4)).map(|run| seed() * 7000 + run);
    let tally = sum(seeds.map(|seed| campaign(0).strike(&STORE, &random_actions(seed, 20))));
    assert!(tally.strikes > 20, "{tally:?}");
}
