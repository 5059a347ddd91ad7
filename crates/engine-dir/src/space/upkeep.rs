//! Blocks set aside on the medium for changes that describe data or give its space back: when others
//! have filled the file system, these can still be written.
//!
//! They are one run, named by the superblock and backed since the store was made. Free ones have
//! their bit set, so that nobody else gets them.

use std::collections::BTreeSet;

use super::{Bitmap, Space};
use crate::meta::MetaError;
use crate::units::Run;

/// The blocks set aside.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    zone: Run,
    free: BTreeSet<u64>,
}

impl Upkeep {
    /// Cuts a run into what lies outside of the blocks set aside and what lies within.
    pub(super) fn split(&self, run: Run) -> (impl Iterator<Item = Run> + use<>, Run) {
        let start = self.zone.start.clamp(run.start, run.end());
        let end = self.zone.end().clamp(start, run.end());
        let outside = [(run.start, start), (end, run.end())].into_iter();
        let outside = outside.filter(|(start, end)| start < end);
        (outside.map(|(start, end)| Run::new(start, end - start)), Run::new(start, end - start))
    }

    fn keep(&mut self, run: Run, bitmap: &mut Bitmap) -> Result<(), MetaError> {
        self.free.extend(run.start..run.end());
        bitmap.set(run)
    }
}

impl Space {
    /// Takes possession of the run, but for the blocks of it that are in use.
    pub(crate) fn set_aside(&mut self, zone: Run) -> Result<(), MetaError> {
        self.upkeep.zone = zone;
        let mut at = zone.start;
        while let Some(run) = self.bitmap.find_first(at, zone.end(), zone.count)? {
            at = run.end();
            self.upkeep.keep(run, &mut self.bitmap)?;
        }
        Ok(())
    }

    /// Free blocks that are set aside.
    pub(crate) fn upkeep_blocks(&self) -> impl Iterator<Item = Run> {
        self.upkeep.free.iter().map(|block| Run::new(*block, 1))
    }

    /// So many of the blocks set aside, or `None`.
    pub(crate) fn take_upkeep(&mut self, count: u64) -> Option<Vec<Run>> {
        if count > self.upkeep.free.len() as u64 {
            return None;
        }
        let taken = (0..count).filter_map(|_| self.upkeep.free.pop_first());
        Some(taken.map(|block| Run::new(block, 1)).collect())
    }

    /// Marks blocks as free, those set aside as free for their purpose.
    pub(super) fn clear(&mut self, run: Run) -> Result<(), MetaError> {
        let (outside, within) = self.upkeep.split(run);
        outside.into_iter().try_for_each(|run| self.bitmap.clear(run))?;
        self.upkeep.keep(within, &mut self.bitmap)
    }
}
