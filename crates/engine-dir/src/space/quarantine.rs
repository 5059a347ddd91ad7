//! Freed blocks that must not be used again yet.

use std::collections::{HashMap, VecDeque};

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

    /// After a replay: what a later record uses again no longer waits. `used` tells for blocks
    /// which record was the last to put data there; `log` is in use whatever freed it before.
    pub(crate) fn settle(&mut self, used: &HashMap<u64, u64>, log: &[Run]) {
        let waiting = std::mem::take(&mut self.waiting);
        self.blocks = 0;
        for (freed, run) in waiting {
            for block in run.start..run.end() {
                let again = used.get(&block).is_some_and(|written| *written > freed);
                let in_log = log.iter().any(|log| (log.start..log.end()).contains(&block));
                if !again && !in_log {
                    self.push(freed, Run::new(block, 1));
                }
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_replay_uses_again_does_not_ripen() {
        let mut quarantine = Quarantine::default();
        quarantine.push(3, Run::new(10, 4));
        quarantine.push(9, Run::new(11, 1));
        quarantine.settle(&HashMap::from([(11, 5), (12, 2)]), &[Run::new(13, 1)]);
        assert_eq!(quarantine.blocks(), 3);
        assert_eq!(quarantine.ripe(3), [Run::new(10, 1), Run::new(12, 1)]);
        assert_eq!(quarantine.ripe(9), [Run::new(11, 1)]);
    }
}
