//! Which blocks are in use, how often, and which come next.
//!
//! All of it is derived from the objects' block maps and kept only so that nobody has to read them
//! all: a bitmap in pages of 32768 blocks, loaded as they are needed, and counts for blocks with
//! more than one owner, in regions of 4096. A block that a record frees goes into quarantine: what
//! the log may still have to verify, or a reader may still be reading, must not be overwritten
//! (docs/formats/store-file.md, "Reuse"). Its bit stays set until it leaves; what is stored with a
//! checkpoint has it clear already.

mod bitmap;
mod checksums;
mod quarantine;
mod references;
mod upkeep;

use std::sync::Arc;

use crate::meta::{MetaChange, MetaError, MetaStore, Table};
use crate::units::Run;

pub(crate) use bitmap::{Bitmap, PAGE_BLOCKS};
pub(crate) use checksums::{Checksums, FrozenChecksums};
pub(crate) use quarantine::Quarantine;
pub(crate) use references::References;

/// Requests of at least so many blocks (64 KiB) are kept together.
pub(crate) const LARGE: u64 = 16;

/// Why no blocks could be had.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum AllocateError {
    #[error("the store is full")]
    NoSpace,
    #[error(transparent)]
    Meta(#[from] MetaError),
}

/// What blocks are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Leaves the reserve alone, so that a full store can still be emptied.
    Data,
    /// Data of changes that describe data or give its space back.
    Upkeep,
    /// The log itself: in one piece.
    Log,
}

/// Blocks of the store file.
#[derive(Debug)]
pub(crate) struct Space {
    pub bitmap: Bitmap,
    pub references: References,
    pub quarantine: Quarantine,
    upkeep: upkeep::Upkeep,
    /// Where the next small request is looked for.
    cursor: u64,
    /// Where the next large one is.
    large_cursor: u64,
    /// Blocks that the store may have at most.
    pub limit: u64,
    /// Where the file must end at the latest: further out than `limit` when it has holes.
    pub end: u64,
}

impl Space {
    pub(crate) fn new(meta: Option<Arc<dyn MetaStore>>, limit: u64) -> Space {
        Space {
            bitmap: Bitmap::new(meta.clone()),
            references: References::new(meta),
            quarantine: Quarantine::default(),
            upkeep: upkeep::Upkeep::default(),
            cursor: 0,
            large_cursor: 0,
            limit,
            end: limit,
        }
    }

    /// Kept free for the log and for changes that give space back.
    pub(crate) fn reserve(&self) -> u64 {
        (self.limit / 16).min((64 << 20) / crate::units::BLOCK_BYTES)
    }

    /// Blocks that writers can still have, those about to leave quarantine not counted.
    pub(crate) fn available(&self) -> u64 {
        self.limit.saturating_sub(self.reserve()).saturating_sub(self.bitmap.used())
    }

    /// `count` blocks in as few runs as is cheap. They are in use at once.
    pub(crate) fn allocate(
        &mut self,
        count: u64,
        purpose: Purpose,
    ) -> Result<Vec<Run>, AllocateError> {
        let room = match purpose {
            Purpose::Data => self.available(),
            Purpose::Upkeep | Purpose::Log => self.limit.saturating_sub(self.bitmap.used()),
        };
        if count > room {
            return Err(AllocateError::NoSpace);
        }
        if count >= LARGE || purpose == Purpose::Log {
            if let Some(run) = self.allocate_together(count)? {
                return Ok(vec![run]);
            }
            if purpose == Purpose::Log {
                return Err(AllocateError::NoSpace);
            }
        }
        self.allocate_anywhere(count)
    }

    /// Gives blocks back that no record ever named.
    pub(crate) fn give_back(&mut self, runs: &[Run]) -> Result<(), MetaError> {
        runs.iter().try_for_each(|run| self.clear(*run))
    }

    /// One reference less to each block; the last one sends it into quarantine.
    pub(crate) fn release(&mut self, run: Run, seq: u64) -> Result<(), MetaError> {
        for freed in self.references.drop_one(run)? {
            // What is stored with the next checkpoint has the bit clear.
            self.bitmap.touch(freed)?;
            self.quarantine.push(seq, freed);
        }
        Ok(())
    }

    fn allocate_together(&mut self, count: u64) -> Result<Option<Run>, AllocateError> {
        let frontier = self.bitmap.frontier();
        let mut found = self.bitmap.find_together(self.large_cursor, frontier, count)?;
        if found.is_none() && self.worth_wrapping() {
            found = self.bitmap.find_together(0, self.large_cursor.min(frontier), count)?;
        }
        if found.is_none() && frontier + count <= self.end {
            found = Some(Run::new(frontier, count));
        }
        if let Some(run) = found {
            self.bitmap.set(run)?;
            self.large_cursor = run.end();
        }
        Ok(found)
    }

    /// Whether enough is free below the frontier to look for it before the file grows.
    fn worth_wrapping(&self) -> bool {
        let frontier = self.bitmap.frontier();
        frontier.saturating_sub(self.bitmap.used()) > frontier / 8
    }

    fn allocate_anywhere(&mut self, count: u64) -> Result<Vec<Run>, AllocateError> {
        let mut runs: Vec<Run> = Vec::new();
        let mut missing = count;
        let mut wraps = 0;
        while missing > 0 {
            let frontier = self.bitmap.frontier();
            let found = match self.bitmap.find_first(self.cursor, frontier, missing)? {
                Some(run) => run,
                None if wraps == 0 && (self.worth_wrapping() || frontier >= self.end) => {
                    wraps += 1;
                    self.cursor = 0;
                    continue;
                }
                None if frontier < self.end => Run::new(frontier, missing.min(self.end - frontier)),
                None if wraps < 2 => {
                    wraps += 1;
                    self.cursor = 0;
                    continue;
                }
                None => {
                    self.give_back(&runs)?;
                    return Err(AllocateError::NoSpace);
                }
            };
            self.bitmap.set(found)?;
            self.cursor = found.end();
            missing -= found.count;
            match runs.last_mut() {
                Some(last) if last.end() == found.start => last.count += found.count,
                _ => runs.push(found),
            }
        }
        Ok(runs)
    }

    /// Lets blocks out of quarantine that records up to `seq` have freed. Yields the runs worth
    /// giving back to the file system; they stay in use until [`Space::give_back`].
    pub(crate) fn ripen(&mut self, seq: u64) -> Result<Vec<Run>, MetaError> {
        let mut to_punch = Vec::new();
        for run in self.quarantine.ripe(seq) {
            if run.count < LARGE {
                self.clear(run)?;
                continue;
            }
            // Those set aside stay backed.
            let (outside, within) = self.upkeep.split(run);
            to_punch.extend(outside);
            self.clear(within)?;
        }
        Ok(to_punch)
    }

    /// The rows were not stored after all.
    pub(crate) fn thaw(&mut self, rows: &[MetaChange]) {
        for row in rows {
            let (MetaChange::Put { table, key, .. } | MetaChange::Delete { table, key }) = row
            else {
                continue;
            };
            let Ok(number) = key[..].try_into().map(u64::from_be_bytes) else { continue };
            match table {
                Table::Bitmap => self.bitmap.mark_dirty(number),
                _ => self.references.mark_dirty(number),
            }
        }
    }

    /// The rows that a checkpoint stores; everything is clean afterwards. `elsewhere` are blocks
    /// in use that no object names: the log's, and those being punched.
    pub(crate) fn freeze(&mut self, elsewhere: &[Run]) -> Vec<MetaChange> {
        let absent = self.quarantine.iter().chain(elsewhere.iter().copied());
        let mut changes = self.bitmap.freeze(absent);
        changes.extend(self.references.freeze());
        changes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn space(limit: u64) -> Space {
        let mut space = Space::new(None, limit);
        space.bitmap.set(Run::new(0, 2)).expect("nothing is stored");
        space
    }

    #[test]
    fn freed_blocks_wait_until_they_are_ripe() {
        let mut space = space(1 << 20);
        let first = space.allocate(3, Purpose::Data).expect("it is empty");
        space.release(first[0], 7).expect("nothing is stored");
        let used = space.bitmap.used();
        space.ripen(6).expect("nothing is stored");
        assert_eq!(space.bitmap.used(), used);
        space.ripen(7).expect("nothing is stored");
        assert_eq!(space.bitmap.used(), used - 3);
    }

    #[test]
    fn a_large_request_stays_together() {
        let mut space = space(1 << 20);
        for _ in 0..3 {
            space.allocate(1, Purpose::Data).expect("it is empty");
        }
        let runs = space.allocate(1024, Purpose::Data).expect("it is empty");
        assert_eq!(runs.len(), 1);
    }

    #[test]
    fn a_full_store_says_so_and_keeps_a_reserve_for_its_log() {
        let mut space = space(1600);
        let runs = space.allocate(1498, Purpose::Data).expect("so much is there");
        assert!(matches!(space.allocate(1, Purpose::Data), Err(AllocateError::NoSpace)));
        space.allocate(50, Purpose::Log).expect("that is what the reserve is for");
        space.give_back(&runs).expect("nothing is stored");
        space.allocate(700, Purpose::Data).expect("it is free again");
    }

    proptest! {
        #[test]
        fn no_block_is_given_twice(
            requests in proptest::collection::vec((1u64..40, any::<bool>()), 1..60)
        ) {
            let mut space = space(1200);
            let mut held: Vec<Run> = Vec::new();
            for (index, (count, free)) in requests.into_iter().enumerate() {
                if free && !held.is_empty() {
                    let run = held.swap_remove(index % held.len());
                    space.release(run, index as u64).expect("nothing is stored");
                    for run in space.ripen(index as u64).expect("nothing is stored") {
                        space.give_back(&[run]).expect("nothing is stored");
                    }
                    continue;
                }
                let Ok(runs) = space.allocate(count, Purpose::Data) else { continue };
                prop_assert_eq!(runs.iter().map(|run| run.count).sum::<u64>(), count);
                for run in runs {
                    prop_assert!(run.start >= 2 && run.end() <= 1200);
                    prop_assert!(held.iter().all(|h| h.end() <= run.start || run.end() <= h.start));
                    held.push(run);
                }
            }
            let in_use: u64 = held.iter().map(|run| run.count).sum();
            prop_assert_eq!(space.bitmap.used(), in_use + 2);
        }
    }
}
