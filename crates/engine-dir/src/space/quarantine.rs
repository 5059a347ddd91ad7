//! Freed blocks that must not be used again yet.

use std::collections::VecDeque;

use crate::units::Run;

/// Freed runs in the order of the records that freed them.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    waiting: VecDeque<(u64, Run)>,
    blocks: u64,
}

impl Quarantine {
    pub(crate) fn push(&mut self, seq: u64, run: Run) {
        self.blocks += run.count;
        match self.waiting.back_mut() {
            Some((last, previous)) if *last == seq && previous.end() == run.start => {
                previous.count += run.count;
            }
            _ => self.waiting.push_back((seq, run)),
        }
    }

    /// How many blocks wait.
    pub(crate) fn blocks(&self) -> u64 {
        self.blocks
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Run> + '_ {
        self.waiting.iter().map(|(_, run)| *run)
    }

    /// Takes out what records up to `seq` have freed, adjacent runs merged.
    pub(super) fn ripe(&mut self, seq: u64) -> Vec<Run> {
        let count = self.waiting.partition_point(|(freed, _)| *freed <= seq);
        let mut runs: Vec<Run> = self.waiting.drain(..count).map(|(_, run)| run).collect();
        runs.sort_unstable();
        runs.dedup_by(|next, run| {
            let adjacent = run.end() == next.start;
            run.count += if adjacent { next.count } else { 0 };
            adjacent
        });
        self.blocks -= runs.iter().map(|run| run.count).sum::<u64>();
        runs
    }
}
