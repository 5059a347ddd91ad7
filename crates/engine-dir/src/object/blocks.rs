//! Which blocks of the store file an object's blocks are in, with their checksums.
//!
//! A table of shards of 64 blocks (256 KiB of data), each replaced copy-on-write: clones and
//! readers share what has not changed.

use std::sync::Arc;

use crate::units::Run;

const SHARD: usize = 64;

/// Where one block is. A hole lies in block 0, which holds a superblock and so is nobody's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockRef {
    pub physical: u64,
    pub checksum: u32,
}

impl BlockRef {
    pub(crate) const HOLE: BlockRef = BlockRef { physical: 0, checksum: 0 };

    pub(crate) fn is_hole(self) -> bool {
        self.physical == 0
    }
}

type Shard = [BlockRef; SHARD];

/// The blocks of one body.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockMap {
    shards: Vec<Option<Arc<Shard>>>,
    mapped: u64,
}

impl BlockMap {
    /// How many blocks are no holes.
    pub(crate) fn mapped(&self) -> u64 {
        self.mapped
    }

    pub(crate) fn get(&self, block: u64) -> BlockRef {
        let (shard, at) = (block as usize / SHARD, block as usize % SHARD);
        match self.shards.get(shard) {
            Some(Some(shard)) => shard[at],
            _ => BlockRef::HOLE,
        }
    }

    /// Replaces one block and yields what it was.
    pub(crate) fn set(&mut self, block: u64, new: BlockRef) -> BlockRef {
        let (shard, at) = (block as usize / SHARD, block as usize % SHARD);
        if new.is_hole() && self.get(block).is_hole() {
            return BlockRef::HOLE;
        }
        if self.shards.len() <= shard {
            self.shards.resize(shard + 1, None);
        }
        let entries = self.shards[shard].get_or_insert_with(|| Arc::new([BlockRef::HOLE; SHARD]));
        let entry = &mut Arc::make_mut(entries)[at];
        let old = std::mem::replace(entry, new);
        self.mapped += u64::from(!new.is_hole());
        self.mapped -= u64::from(!old.is_hole());
        old
    }

    /// Takes over `count` blocks of `source` from `first` on, to lie from `block` on; holes leave
    /// what is there. Whole shards are shared, not copied.
    pub(crate) fn take_over(&mut self, source: &BlockMap, first: u64, block: u64, count: u64) {
        let (mut from, mut to, end) = (first as usize, block as usize, (first + count) as usize);
        while from < end.min(source.shards.len() * SHARD) {
            let whole = from % SHARD == 0 && to % SHARD == 0 && from + SHARD <= end;
            let length = if whole { SHARD } else { (SHARD - from % SHARD).min(end - from) };
            match &source.shards[from / SHARD] {
                Some(shard) if whole && self.slot(to / SHARD).is_none() => {
                    let holes = shard.iter().filter(|entry| entry.is_hole()).count();
                    self.mapped += (SHARD - holes) as u64;
                    *self.slot(to / SHARD) = Some(Arc::clone(shard));
                }
                Some(shard) => {
                    let entries = shard[from % SHARD..].iter().take(length).zip(to as u64..);
                    for (entry, target) in entries.filter(|(entry, _)| !entry.is_hole()) {
                        self.set(target, *entry);
                    }
                }
                None => {}
            }
            (from, to) = (from + length, to + length);
        }
    }

    /// Adjacent blocks that lie in adjacent blocks of the store file, where there are only holes
    /// so far.
    pub(crate) fn append(
        &mut self,
        block: u64,
        run: Run,
        mut checksums: impl Iterator<Item = u32>,
    ) {
        let (mut at, end) = (block, block + run.count);
        while at < end {
            let within = at as usize % SHARD;
            let slot = self.slot(at as usize / SHARD);
            let entries =
                Arc::make_mut(slot.get_or_insert_with(|| Arc::new([BlockRef::HOLE; SHARD])));
            let physical = run.start + (at - block)..run.end();
            let places = entries[within..].iter_mut().zip(physical).zip(&mut checksums);
            let mut filled = 0;
            for ((entry, physical), checksum) in places {
                debug_assert!(entry.is_hole(), "only holes are filled");
                *entry = BlockRef { physical, checksum };
                filled += 1;
            }
            at += filled;
            self.mapped += filled;
            if filled == 0 {
                break;
            }
        }
    }

    fn slot(&mut self, shard: usize) -> &mut Option<Arc<Shard>> {
        if self.shards.len() <= shard {
            self.shards.resize(shard + 1, None);
        }
        &mut self.shards[shard]
    }

    /// The blocks that are no holes, within a range, ascending.
    pub(crate) fn mapped_in(
        &self,
        start: u64,
        end: u64,
    ) -> impl Iterator<Item = (u64, BlockRef)> + '_ {
        let first = start as usize / SHARD;
        let last = (end as usize).div_ceil(SHARD).min(self.shards.len());
        let shards = self.shards.get(first..last).unwrap_or_default();
        let blocks = shards.iter().enumerate().flat_map(move |(index, shard)| {
            let base = ((first + index) * SHARD) as u64;
            let from = start.saturating_sub(base);
            let to = end.saturating_sub(base).min(SHARD as u64);
            let entries = shard.as_deref().and_then(|shard| shard.get(from as usize..to as usize));
            entries.unwrap_or_default().iter().copied().zip(base + from..)
        });
        blocks.filter(|(entry, _)| !entry.is_hole()).map(|(entry, block)| (block, entry))
    }

    /// All blocks that are no holes, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, BlockRef)> + '_ {
        self.mapped_in(0, (self.shards.len() * SHARD) as u64)
    }

    /// Where the data lies, adjacent blocks merged; one run for each reference to it.
    pub(crate) fn runs(&self) -> Vec<Run> {
        self.runs_in(0, (self.shards.len() * SHARD) as u64)
    }

    /// The same for a range of the object's blocks.
    pub(crate) fn runs_in(&self, start: u64, end: u64) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (_, entry) in self.mapped_in(start, end) {
            match runs.last_mut() {
                Some(run) if run.end() == entry.physical => run.count += 1,
                _ => runs.push(Run::new(entry.physical, 1)),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(changes in proptest::collection::vec((0u64..200, 0u64..4), 0..100)) {
            let (mut map, mut model) = (BlockMap::default(), BTreeMap::new());
            for (block, physical) in changes {
                let before = map.clone();
                let new = BlockRef { physical, checksum: physical as u32 };
                let old = map.set(block, new);
                prop_assert_eq!(old, before.get(block));
                let (start, end) = (block.min(100), block + physical * 40);
                let within: Vec<_> = before.mapped_in(start, end).collect();
                let all = before.iter().filter(|(at, _)| (start..end).contains(at));
                prop_assert_eq!(within, all.collect::<Vec<_>>());
                if physical == 0 { model.remove(&block); } else { model.insert(block, new); }
            }
            prop_assert_eq!(map.mapped(), model.len() as u64);
            prop_assert_eq!(map.iter().collect::<Vec<_>>(), model.clone().into_iter().collect::<Vec<_>>());
            let part: Vec<_> = model.range(70..130).map(|(k, v)| (*k, *v)).collect();
            prop_assert_eq!(map.mapped_in(70, 130).collect::<Vec<_>>(), part);
            prop_assert_eq!(map.runs().iter().map(|run| run.count).sum::<u64>(), map.mapped());
        }

        #[test]
        fn a_run_is_appended_across_shards(block in 0u64..200, count in 0u64..200) {
            let mut map = BlockMap::default();
            map.append(block, Run::new(500, count), 0..count as u32);
            let expected = (0..count).map(|at| {
                (block + at, BlockRef { physical: 500 + at, checksum: at as u32 })
            });
            prop_assert_eq!(map.iter().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
            prop_assert_eq!(map.mapped(), count);
        }

        #[test]
        fn a_range_taken_over_is_what_it_was(
            blocks in proptest::collection::btree_map(0u64..300, 1u64..9, 0..200),
            (first, count) in (0u64..320, 0u64..320),
            to in prop_oneof![(0u64..4).prop_map(|shard| shard * 64), 0u64..300],
            aligned: bool,
        ) {
            let first = if aligned { first / 64 * 64 } else { first };
            let mut source = BlockMap::default();
            for (block, physical) in &blocks {
                source.set(*block, BlockRef { physical: *physical, checksum: *block as u32 });
            }
            let mut target = BlockMap::default();
            target.take_over(&source, first, to, count);
            let moved = source.mapped_in(first, first + count);
            let expected: Vec<_> = moved.map(|(at, entry)| (at - first + to, entry)).collect();
            prop_assert_eq!(target.mapped(), expected.len() as u64);
            prop_assert_eq!(target.iter().collect::<Vec<_>>(), expected);
        }
    }
}
