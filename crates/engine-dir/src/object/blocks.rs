//! Which blocks of the store file an object's blocks are in.
//!
//! A list of shards of 64 blocks (256 KiB of data), each replaced copy-on-write: clones and
//! readers share what has not changed. A shard whose blocks lie side by side is one number: large
//! objects are read from a checkpoint, shared and dropped without looking at each block. Checksums
//! are not here: they belong to the blocks of the file ([`crate::space::Checksums`]).

use std::ops::Range;
use std::sync::Arc;

use crate::units::Run;

const SHARD: usize = 64;

/// In place of a block's number: there is none. Block 0 holds a superblock, so it is nobody's data.
const HOLE: u64 = 0;

type Table = [u64; SHARD];

#[derive(Clone, Debug, Default)]
enum Shard {
    #[default]
    Holes,
    /// All 64 blocks lie side by side, from this one on.
    Span(u64),
    Table(Arc<Table>),
}

impl Shard {
    fn get(&self, at: usize) -> u64 {
        match self {
            Shard::Holes => HOLE,
            Shard::Span(physical) => physical + at as u64,
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
            Shard::Holes | Shard::Span(_) => unreachable!("it has just become a table"),
        }
    }

    fn mapped(&self, part: Range<usize>) -> u64 {
        match self {
            Shard::Holes => 0,
            Shard::Span(_) => part.len() as u64,
            Shard::Table(table) => {
                table[part].iter().filter(|entry| **entry != HOLE).count() as u64
            }
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

    /// Where a block is; `None` for a hole.
    pub(crate) fn get(&self, block: u64) -> Option<u64> {
        let shard = self.shards.get(block as usize / SHARD)?;
        Some(shard.get(block as usize % SHARD)).filter(|physical| *physical != HOLE)
    }

    /// The blocks from `block` on lie there from now on.
    pub(crate) fn put(&mut self, block: u64, run: Run) {
        self.replace(block, run.count, Some(run.start));
    }

    /// They are holes from now on.
    pub(crate) fn clear(&mut self, block: u64, count: u64) {
        let end = (block + count).min(self.end());
        self.replace(block, end.saturating_sub(block), None);
    }

    fn replace(&mut self, block: u64, count: u64, physical: Option<u64>) {
        let mut done = 0;
        while done < count {
            let within = (block + done) as usize % SHARD;
            let length = (SHARD - within).min((count - done) as usize);
            let first = physical.map(|physical| physical + done);
            let shard = self.shard(block + done);
            let before = shard.mapped(within..within + length);
            if length == SHARD {
                *shard = first.map_or(Shard::Holes, Shard::Span);
            } else if first.is_some() || before > 0 {
                let entries = &mut shard.table()[within..within + length];
                for (at, entry) in (0..).zip(entries) {
                    *entry = first.map_or(HOLE, |first| first + at);
                }
            }
            self.mapped -= before;
            self.mapped += first.map_or(0, |_| length as u64);
            done += length as u64;
        }
    }

    /// Takes over `count` blocks of `source` from `first` on, to lie from `block` on; holes leave
    /// what is there.
    pub(crate) fn take_over(&mut self, source: &BlockMap, first: u64, block: u64, count: u64) {
        for piece in source.pieces_in(first, first + count) {
            self.put(piece.block - first + block, piece.run);
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
    ) -> impl Iterator<Item = (&Shard, u64, Range<u64>)> + '_ {
        let first = start as usize / SHARD;
        let last = (end as usize).div_ceil(SHARD).min(self.shards.len());
        let shards = self.shards.get(first..last).unwrap_or_default();
        shards.iter().enumerate().map(move |(index, shard)| {
            let base = ((first + index) * SHARD) as u64;
            let part = start.saturating_sub(base)..end.saturating_sub(base).min(SHARD as u64);
            (shard, base, part)
        })
    }

    /// The blocks that are no holes, adjacent ones merged, ascending.
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
                Shard::Span(physical) if part.start < part.end => {
                    push(base + part.start, physical + part.start, part.end - part.start);
                }
                Shard::Holes | Shard::Span(_) => {}
                Shard::Table(table) => {
                    let entries = part.map(|at| (base + at, table[at as usize]));
                    let mapped = entries.filter(|(_, physical)| *physical != HOLE);
                    mapped.for_each(|(block, physical)| push(block, physical, 1));
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

    /// What the map says of each block.
    fn blocks(map: &BlockMap, start: u64, end: u64) -> Vec<(u64, u64)> {
        let each = |piece: Piece| (piece.block..).zip(piece.run.start..piece.run.end());
        map.pieces_in(start, end).into_iter().flat_map(each).collect()
    }

    proptest! {
        #[test]
        fn it_is_a_map(
            changes in proptest::collection::vec(
                (0u64..400, 0u64..150, proptest::option::of(1u64..400)), 0..40,
            ),
            (start, end) in (0u64..500, 0u64..500),
        ) {
            let (mut map, mut model) = (BlockMap::default(), BTreeMap::new());
            for (block, count, physical) in changes {
                match physical {
                    Some(physical) => map.put(block, Run::new(physical, count)),
                    None => map.clear(block, count),
                }
                for at in 0..count {
                    match physical {
                        Some(physical) => model.insert(block + at, physical + at),
                        None => model.remove(&(block + at)),
                    };
                }
            }
            prop_assert_eq!(map.mapped(), model.len() as u64);
            let expected = |start, end| -> Vec<_> {
                let range = if start < end { start..end } else { 0..0 };
                model.range(range).map(|(block, physical)| (*block, *physical)).collect()
            };
            prop_assert_eq!(blocks(&map, start, end), expected(start, end));
            prop_assert_eq!(blocks(&map, 0, map.end()), expected(0, 1000));
            prop_assert_eq!(map.get(start), model.get(&start).copied());
            for pair in map.pieces().windows(2) {
                let [left, right] = pair else { continue };
                let adjacent = left.block + left.run.count == right.block;
                prop_assert!(!(adjacent && left.run.end() == right.run.start), "not merged");
            }
            prop_assert_eq!(map.runs().iter().map(|run| run.count).sum::<u64>(), map.mapped());
        }

        #[test]
        fn a_range_taken_over_is_what_it_was(
            runs in proptest::collection::vec((0u64..300, 1u64..150, 1u64..900), 0..9),
            (first, count, to) in (0u64..320, 0u64..320, 0u64..300),
        ) {
            let (mut source, mut target) = (BlockMap::default(), BlockMap::default());
            for (block, count, physical) in runs {
                source.put(block, Run::new(physical, count));
            }
            target.put(to, Run::new(2000, 3));
            target.take_over(&source, first, to, count);
            let mut expected: BTreeMap<u64, u64> = (to..).zip(2000..2003).collect();
            let moved = blocks(&source, first, first + count).into_iter();
            expected.extend(moved.map(|(at, physical)| (at - first + to, physical)));
            prop_assert_eq!(blocks(&target, 0, 1000), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
