//! The superblock in use, and the next one.
//!
//! The two slots are written in turn. A write that is cut short spoils its slot, so the one in the
//! other slot must be durable by then: nothing is written over before a sync has covered the last.
//! A checkpoint writes one; another says from time to time how far the log is synced, so that the
//! next open can tell damage from what never arrived. The latter is not synced: losing it loses
//! no more than that knowledge.

use std::io;

use super::Core;
use crate::layout::{LogPointer, Superblock};
use crate::units::BLOCK_BYTES;

impl Core {
    /// Whether the superblock in use is durable, so that the other slot may be written.
    pub(crate) fn superblock_is_durable(&self) -> bool {
        self.durable_generation == self.superblock.generation
    }

    /// Writes the next superblock; from then on it is the one in use.
    pub(crate) fn write_superblock(&mut self, next: Superblock) -> io::Result<()> {
        debug_assert!(self.superblock_is_durable(), "a cut would spoil both slots");
        let next = Superblock { generation: self.superblock.generation + 1, ..next };
        let offset = next.generation % 2 * BLOCK_BYTES;
        self.device.write_at(offset, &next.encode())?;
        self.superblock = next;
        Ok(())
    }

    /// The newest place of which a superblock says that the log is durable up to there.
    fn told(&self) -> LogPointer {
        self.superblock.synced.unwrap_or(self.superblock.newest)
    }

    /// Whether nothing durable is left to be told of.
    pub(crate) fn has_told_synced(&self) -> bool {
        self.told().seq >= self.durable || self.is_dirty() || self.check_writable().is_err()
    }

    /// Says in a superblock that everything is durable, if it is.
    pub(crate) fn tell_synced(&mut self) {
        if !self.has_told_synced() {
            self.tell_synced_to(self.log.end());
        }
    }

    /// After a sync that covered the log up to `end`. Within a segment later records tell how far
    /// the log was synced; across segments one damaged record could hide them all.
    pub(super) fn tell_new_segment(&mut self, end: LogPointer) {
        if self.told().segment != end.segment {
            self.tell_synced_to(end);
        }
    }

    fn tell_synced_to(&mut self, end: LogPointer) {
        if !self.superblock_is_durable() {
            return;
        }
        let next = Superblock { synced: Some(end), ..self.superblock.clone() };
        if let Err(error) = self.write_superblock(next) {
            // The other slot still holds the one in use.
            tracing::warn!("saying how far the store is synced failed: {error}");
        }
    }
}
