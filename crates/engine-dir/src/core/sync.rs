//! The two halves of a sync: the device syncs between them, with the core unlocked.

use marcot_store::{Errno, StoreError};

use super::Core;
use crate::engine::AfterWrite;
use crate::layout::LogPointer;
use crate::planted::{Defect, planted};
use crate::units::Run;

/// What a sync will have made durable.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SyncTarget {
    end: LogPointer,
    /// The superblock in use.
    generation: u64,
    /// The newest synced seq that is in a record up to `seq`.
    carried: u64,
    unsynced: u64,
}

impl Core {
    /// What the device's next sync will cover.
    pub(crate) fn begin_sync(&mut self) -> Result<SyncTarget, StoreError> {
        self.check_writable()?;
        self.log.seal();
        let (end, carried) = (self.log.end(), self.log.carried());
        let generation = self.superblock.generation;
        Ok(SyncTarget { end, generation, carried, unsynced: self.unsynced })
    }

    /// Takes note of how the device's sync ended. Yields runs to punch.
    pub(crate) fn finish_sync(
        &mut self,
        target: SyncTarget,
        outcome: &std::io::Result<()>,
    ) -> Result<Vec<Run>, StoreError> {
        if let Err(error) = outcome {
            // What was written since the last sync may be lost although reads still show it, and a
            // second try would succeed without saving it. Only opening the store again tells.
            self.poison(&format!("syncing the store file failed: {error}"));
            return Err(StoreError::new(Errno::IO, format!("flush ({error})")));
        }
        self.durable = self.durable.max(target.end.seq);
        self.durable_generation = self.durable_generation.max(target.generation);
        self.unsynced = self.unsynced.saturating_sub(target.unsynced);
        let early = planted(Defect::EarlyReuse);
        self.tell_new_segment(target.end);
        self.ripe = self.ripe.max(if early { target.end.seq } else { target.carried });
        self.ripen()
    }

    /// Everything up to `seq` is in a durable checkpoint.
    pub(crate) fn ripen_to(&mut self, seq: u64) -> Result<Vec<Run>, StoreError> {
        self.ripe = self.ripe.max(seq);
        self.ripen()
    }

    fn ripen(&mut self) -> Result<Vec<Run>, StoreError> {
        let readers = self.pins.first_key_value().map_or(u64::MAX, |(seq, _)| *seq);
        let before = self.state.space.quarantine.blocks();
        let ripened = self.state.space.ripen(self.ripe.min(readers));
        let to_punch = ripened.map_err(|error| super::meta_failed(&error, "free blocks"))?;
        if self.state.space.quarantine.blocks() != before {
            self.note_release();
        }
        self.punching.extend(&to_punch);
        Ok(to_punch)
    }

    /// The file system has its space back: the blocks may be used again.
    pub(crate) fn punched(&mut self, runs: &[Run]) -> Result<(), StoreError> {
        self.punching.retain(|run| !runs.contains(run));
        let freed = self.state.space.give_back(runs);
        self.note_release();
        freed.map_err(|error| super::meta_failed(&error, "free blocks"))
    }

    /// Keeps what is in use now from being used again until [`Core::unpin`].
    pub(crate) fn pin(&mut self) -> u64 {
        let seq = self.log.last_seq();
        *self.pins.entry(seq).or_insert(0) += 1;
        seq
    }

    pub(crate) fn unpin(&mut self, seq: u64) {
        if let Some(count) = self.pins.get_mut(&seq) {
            *count -= 1;
            if *count == 0 {
                self.pins.remove(&seq);
            }
        }
    }

    /// Whether anything is written that no sync has covered.
    pub(crate) fn is_dirty(&self) -> bool {
        self.log.last_seq() > self.durable
    }

    /// What the last write leaves to be done.
    pub(crate) fn after_write(&self) -> AfterWrite {
        let (unsynced, log) = (self.unsynced, self.log.since_checkpoint());
        AfterWrite { unsynced, log, has_housework: self.has_housework() }
    }

    /// Whether a flush has nothing to do. A poisoned store is never clean.
    pub(crate) fn is_clean(&self) -> bool {
        !self.is_dirty() && self.check_writable().is_ok()
    }

    /// Whether a sync of its own accord has anything to do and a chance.
    pub(crate) fn is_dirty_and_sound(&self) -> bool {
        self.is_dirty() && self.check_writable().is_ok()
    }
}
