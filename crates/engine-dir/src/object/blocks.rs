//! Which blocks of the store file an object's blocks are in, with their checksums.
//!
//! A list of shards of 64 blocks (256 KiB of data), each replaced copy-on-write: clones and
//! readers share what has not changed. A shard that was written in one go stays as it was stored,
//! one place and 64 checksums, until one of its blocks changes: large objects are read from a
//! checkpoint, shared and dropped without looking at each block.

use std::sync::Arc;

use bytes::Bytes;

use crate::units::Run;

pub(crate) const SHARD: usize = 64;

/// Bytes of a stored checksum.
pub(crate) const CHECKSUM: usize = 4;

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

type Table = [BlockRef; SHARD];

#[derive(Clone, Debug, Default)]
enum Shard {
    #[default]
    Holes,
    /// All 64 blocks lie side by side.
    Span {
        physical: u64,
        checksums: Bytes,
    },
    Table(Arc<Table>),
}

impl Shard {
    fn get(&self, at: usize) -> BlockRef {
        match self {
            Shard::Holes => BlockRef::HOLE,
            Shard::Span { physical, checksums } => {
                let checksum = checksums[at * CHECKSUM..].first_chunk().copied();
                let checksum = checksum.map_or(0, u32::from_le_bytes);
                BlockRef { physical: physical + at as u64, checksum }
            }
            Shard::Table(table) => table[at],
        }
    }

    /// To be changed block by block.
    fn table(&mut self) -> &mut Table {
        if !matches!(self, Shard::Table(_)) {
            *self = Shard::Table(Arc::new(std::array::from_fn(|at| self.get(at))));
        }
        match self {
            Shard::Table(table) => Arc::make_mut(table),
            Shard::Holes | Shard::Span { .. } => unreachable!("it has just become a table"),
        }
    }

    fn mapped(&self) -> u64 {
        match self {
            Shard::Holes => 0,
            Shard::Span { .. } => SHARD as u64,
            Shard::Table(table) => table.iter().filter(|entry| !entry.is_hole()).count() as u64,
        }
    }
}

/// Blocks that are adjacent both in the object and in the store file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The object's block that it begins with.
    pub block: u64,
    pub run: Run,
}

/// The blocks of one body.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockMap {
    shards: Vec<Shard>,
    mapped: u64,
}

impl BlockMap {
    /// How many blocks are no holes.
    pub(crate) fn mapped(&self) -> u64 {
        self.mapped
    }

    /// No block from here on is mapped.
    fn end(&self) -> u64 {
        (self.shards.len() * SHARD) as u64
    }

    pub(crate) fn get(&self, block: u64) -> BlockRef {
        let shard = self.shards.get(block as usize / SHARD);
        shard.map_or(BlockRef::HOLE, |shard| shard.get(block as usize % SHARD))
    }

    /// Replaces one block and yields what it was.
    pub(crate) fn set(&mut self, block: u64, new: BlockRef) -> BlockRef {
        if new.is_hole() && self.get(block).is_hole() {
            return BlockRef::HOLE;
        }
        let entry = &mut self.shard(block).table()[block as usize % SHARD];
        let old = std::mem::replace(entry, new);
        self.mapped += u64::from(!new.is_hole());
        self.mapped -= u64::from(!old.is_hole());
        old
    }

    /// Takes over `count` blocks of `source` from `first` on, to lie from `block` on; holes leave
    /// what is there. Whole shards are shared, not copied.
    pub(crate) fn take_over(&mut self, source: &BlockMap, first: u64, block: u64, count: u64) {
        let (size, end) = (SHARD as u64, (first + count).min(source.end()));
        let (mut from, mut to) = (first, block);
        while from < end {
            let whole = from % size == 0 && to % size == 0 && from + size <= end;
            let length = (size - from % size).min(end - from);
            let shard = &source.shards[from as usize / SHARD];
            if whole && matches!(self.shard(to), Shard::Holes) {
                self.mapped += shard.mapped();
                *self.shard(to) = shard.clone();
            } else {
                for (at, target) in (from % size..from % size + length).zip(to..) {
                    let entry = shard.get(at as usize);
                    if !entry.is_hole() {
                        self.set(target, entry);
                    }
                }
            }
            (from, to) = (from + length, to + length);
        }
    }

    /// Adjacent blocks that lie in adjacent blocks of the store file, where there are only holes
    /// so far. `checksums` are as they are stored, one for each block.
    pub(crate) fn append(&mut self, block: u64, run: Run, checksums: &Bytes) {
        debug_assert_eq!(checksums.len() as u64, run.count * CHECKSUM as u64);
        let (mut at, end) = (block, block + run.count);
        while at < end {
            let within = at as usize % SHARD;
            let count = (SHARD - within).min((end - at) as usize);
            let done = (at - block) as usize;
            let physical = run.start + done as u64;
            let sums = checksums.slice(done * CHECKSUM..(done + count) * CHECKSUM);
            let shard = self.shard(at);
            if count == SHARD {
                debug_assert_eq!(shard.mapped(), 0, "only holes are filled");
                *shard = Shard::Span { physical, checksums: sums };
            } else {
                let entries = shard.table()[within..].iter_mut().zip(physical..);
                for ((entry, physical), sum) in entries.zip(sums.as_chunks().0) {
                    debug_assert!(entry.is_hole(), "only holes are filled");
                    *entry = BlockRef { physical, checksum: u32::from_le_bytes(*sum) };
                }
            }
            self.mapped += count as u64;
            at += count as u64;
        }
    }

    /// Appends the checksums of blocks, none of them a hole, as they are stored.
    pub(crate) fn write_checksums(&self, block: u64, count: u64, into: &mut Vec<u8>) {
        let (mut at, end) = (block, block + count);
        while at < end {
            let within = at as usize % SHARD;
            let length = (SHARD - within).min((end - at) as usize);
            match self.shards.get(at as usize / SHARD) {
                Some(Shard::Span { checksums, .. }) => {
                    into.extend_from_slice(&checksums[within * CHECKSUM..][..length * CHECKSUM]);
                }
                shard => {
                    let sum = |at| shard.map_or(0, |shard| shard.get(at).checksum);
                    let sums = (within..within + length).map(sum);
                    sums.for_each(|sum| into.extend_from_slice(&sum.to_le_bytes()));
                }
            }
            at += length as u64;
        }
    }

    fn shard(&mut self, block: u64) -> &mut Shard {
        let shard = block as usize / SHARD;
        if self.shards.len() <= shard {
            self.shards.resize(shard + 1, Shard::Holes);
        }
        &mut self.shards[shard]
    }

    /// The shards that a range touches: each with its first block, and the part of it that lies
    /// in the range.
    fn shards_in(
        &self,
        start: u64,
        end: u64,
    ) -> impl Iterator<Item = (&Shard, u64, std::ops::Range<u64>)> + '_ {
        let first = start as usize / SHARD;
        let last = (end as usize).div_ceil(SHARD).min(self.shards.len());
        let shards = self.shards.get(first..last).unwrap_or_default();
        shards.iter().enumerate().map(move |(index, shard)| {
            let base = ((first + index) * SHARD) as u64;
            let part = start.saturating_sub(base)..end.saturating_sub(base).min(SHARD as u64);
            (shard, base, part)
        })
    }

    /// The blocks that are no holes, within a range, ascending.
    pub(crate) fn mapped_in(
        &self,
        start: u64,
        end: u64,
    ) -> impl Iterator<Item = (u64, BlockRef)> + '_ {
        let blocks = self.shards_in(start, end).flat_map(|(shard, base, part)| {
            let part = if matches!(shard, Shard::Holes) { 0..0 } else { part };
            part.map(move |at| (base + at, shard.get(at as usize)))
        });
        blocks.filter(|(_, entry)| !entry.is_hole())
    }

    /// All blocks that are no holes, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, BlockRef)> + '_ {
        self.mapped_in(0, self.end())
    }

    /// The same, adjacent blocks merged.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        self.pieces_in(0, self.end())
    }

    /// The same for a range of the object's blocks.
    pub(crate) fn pieces_in(&self, start: u64, end: u64) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut push = |block: u64, physical: u64, count: u64| match pieces.last_mut() {
            Some(last) if last.block + last.run.count == block && last.run.end() == physical => {
                last.run.count += count;
            }
            _ => pieces.push(Piece { block, run: Run::new(physical, count) }),
        };
        for (shard, base, part) in self.shards_in(start, end) {
            match shard {
                Shard::Holes => {}
                Shard::Span { physical, .. } if part.start < part.end => {
                    push(base + part.start, physical + part.start, part.end - part.start);
                }
                shard => {
                    let entries = part.map(|at| (base + at, shard.get(at as usize)));
                    let mapped = entries.filter(|(_, entry)| !entry.is_hole());
                    mapped.for_each(|(block, entry)| push(block, entry.physical, 1));
                }
            }
        }
        pieces
    }

    /// Where the data lies, adjacent blocks merged; one run for each reference to it.
    pub(crate) fn runs(&self) -> Vec<Run> {
        self.runs_in(0, self.end())
    }

    /// The same for a range of the object's blocks.
    pub(crate) fn runs_in(&self, start: u64, end: u64) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for Piece { run, .. } in self.pieces_in(start, end) {
            match runs.last_mut() {
                Some(last) if last.end() == run.start => last.count += run.count,
                _ => runs.push(run),
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

    fn checksums(count: u64) -> Bytes {
        (0..count as u32).flat_map(u32::to_le_bytes).collect()
    }

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

        /// Whether a shard is held as a span or block by block must not show.
        #[test]
        fn spans_are_what_their_blocks_are(
            (block, count) in (0u64..200, 0u64..300),
            changes in proptest::collection::vec((0u64..500, 0u64..4), 0..5),
            (start, length) in (0u64..500, 0u64..500),
            gone in proptest::collection::vec(0u64..500, 0..5),
        ) {
            let (mut spans, mut table) = (BlockMap::default(), BlockMap::default());
            // A shard whose blocks have all gone is as empty as one that never had any.
            for at in gone {
                spans.set(at, BlockRef { physical: 9, checksum: 9 });
                spans.set(at, BlockRef::HOLE);
            }
            spans.append(block, Run::new(500, count), &checksums(count));
            for at in 0..count {
                table.set(block + at, BlockRef { physical: 500 + at, checksum: at as u32 });
            }
            for (at, physical) in changes {
                let new = BlockRef { physical, checksum: 7 };
                prop_assert_eq!(spans.set(at, new), table.set(at, new));
            }
            let end = start + length;
            prop_assert_eq!(spans.mapped(), table.mapped());
            prop_assert!(spans.iter().eq(table.iter()));
            prop_assert!(spans.mapped_in(start, end).eq(table.mapped_in(start, end)));
            prop_assert_eq!(spans.runs_in(start, end), table.runs_in(start, end));
            let pieces = spans.pieces_in(start, end);
            prop_assert_eq!(&pieces, &table.pieces_in(start, end));
            for Piece { block, run } in pieces {
                let (mut left, mut right, mut plain) = (Vec::new(), Vec::new(), Vec::new());
                spans.write_checksums(block, run.count, &mut left);
                table.write_checksums(block, run.count, &mut right);
                for (at, physical) in (block..block + run.count).zip(run.start..) {
                    prop_assert_eq!(spans.get(at).physical, physical);
                    plain.extend_from_slice(&spans.get(at).checksum.to_le_bytes());
                }
                prop_assert!(left == right && left == plain);
            }
        }

        #[test]
        fn a_run_is_appended_across_shards(block in 0u64..200, count in 0u64..200) {
            let mut map = BlockMap::default();
            map.append(block, Run::new(500, count), &checksums(count));
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
            spanned: bool,
        ) {
            let first = if aligned { first / 64 * 64 } else { first };
            let mut source = BlockMap::default();
            if spanned {
                source.append(64, Run::new(900, 130), &checksums(130));
            }
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
