//! From changed bytes to changed blocks: the pure part of a data write.
//!
//! A block that is written in part is read, changed and written anew elsewhere. Zeros are found
//! here, by comparing, and become holes.

use bytes::Bytes;
use marcot_store::ranges::RangeSet;

use super::content::{Content, ReadFailure};
use super::edits::{Edit, Edits};
use crate::object::Body;
use crate::units::{BLOCK, BLOCK_BYTES, blocks_for};

/// What becomes of adjacent blocks of the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Whole blocks, none of them all zeros.
    Data { block: u64, data: Bytes },
    /// Holes where there were none.
    Hole { block: u64, count: u64 },
}

/// The blocks that `edits` change on `base` (an empty body for a new object), ascending.
pub(crate) fn plan_blocks(
    content: Content<'_>,
    base: &Body,
    edits: &Edits,
) -> Result<Vec<Piece>, ReadFailure> {
    let mut plan = Plan { content, base, edits, pieces: Vec::new() };
    let end = blocks_for(edits.size);
    let mut touched = RangeSet::new();
    for edit in &edits.list {
        let (first, last) = (edit.start() / BLOCK_BYTES, blocks_for(edit.end()).min(end));
        touched.insert(first, last.saturating_sub(first));
    }
    for (first, count) in touched.as_slice() {
        plan.range(*first, first + count)?;
    }
    Ok(plan.pieces)
}

struct Plan<'a> {
    content: Content<'a>,
    base: &'a Body,
    edits: &'a Edits,
    pieces: Vec<Piece>,
}

impl Plan<'_> {
    fn range(&mut self, first: u64, end: u64) -> Result<(), ReadFailure> {
        let mut block = first;
        while block < end {
            let (start, stop) = (block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES);
            let cover = self.edits.list.iter().rposition(|edit| edit.covers(start, stop));
            let later = &self.edits.list[cover.map_or(0, |index| index + 1)..];
            let untouched = !later.iter().any(|edit| edit.overlaps(start, stop));
            match (cover, untouched) {
                (Some(index), true) => {
                    let cover = &self.edits.list[index];
                    let next = later.iter().filter(|edit| edit.start() >= stop);
                    let limit = next.map(|edit| edit.start() / BLOCK_BYTES).min().unwrap_or(end);
                    let last = (cover.end() / BLOCK_BYTES).min(limit).min(end);
                    self.covered(cover, block, last);
                    block = last;
                }
                _ => {
                    self.assembled(cover, block)?;
                    block += 1;
                }
            }
        }
        Ok(())
    }

    /// Blocks that one edit covers and no later one touches.
    fn covered(&mut self, edit: &Edit, first: u64, end: u64) {
        match edit {
            Edit::Zero { .. } => self.holes(first, end),
            Edit::Data { offset, data } => {
                let start = (first * BLOCK_BYTES - offset) as usize;
                let length = (end - first) as usize * BLOCK;
                self.data(first, &data.slice(start..start + length));
            }
        }
    }

    /// Whole blocks of data, those of zeros left out.
    fn data(&mut self, first: u64, data: &Bytes) {
        let zero: Vec<bool> = data.chunks_exact(BLOCK).map(is_zero).collect();
        let mut at = 0;
        for equal in zero.chunk_by(|left, right| left == right) {
            let (block, count) = (first + at as u64, equal.len());
            if equal[0] {
                self.holes(block, block + count as u64);
            } else {
                let data = data.slice(at * BLOCK..(at + count) * BLOCK);
                self.pieces.push(Piece::Data { block, data });
            }
            at += count;
        }
    }

    fn holes(&mut self, first: u64, end: u64) {
        for piece in self.base.blocks.pieces_in(first, end) {
            let (block, length) = (piece.block, piece.run.count);
            match self.pieces.last_mut() {
                Some(Piece::Hole { block: start, count }) if *start + *count == block => {
                    *count += length;
                }
                _ => self.pieces.push(Piece::Hole { block, count: length }),
            }
        }
    }

    /// A block that several edits, or one edit and what was there, make up.
    fn assembled(&mut self, cover: Option<usize>, block: u64) -> Result<(), ReadFailure> {
        let old = match cover {
            Some(_) => None,
            None => self.content.block(self.base, block)?,
        };
        let mut bytes = old.unwrap_or_else(|| vec![0; BLOCK]);
        let start = block * BLOCK_BYTES;
        for edit in &self.edits.list[cover.unwrap_or(0)..] {
            let (from, to) = (edit.start().max(start), edit.end().min(start + BLOCK_BYTES));
            if from >= to {
                continue;
            }
            let target = &mut bytes[(from - start) as usize..(to - start) as usize];
            match edit {
                Edit::Zero { .. } => target.fill(0),
                Edit::Data { offset, data } => {
                    let source = (from - offset) as usize;
                    target.copy_from_slice(&data[source..source + target.len()]);
                }
            }
        }
        self.data(block, &Bytes::from(bytes));
        Ok(())
    }
}

fn is_zero(block: &[u8]) -> bool {
    let (first, rest) = block.split_at(block.len().min(16));
    first.iter().all(|byte| *byte == 0)
        && rest.chunks(256).all(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::device::MemoryDevice;
    use crate::operation::content::Wait;
    use crate::space::Checksums;

    #[derive(Clone, Debug)]
    enum Step {
        Write(u64, usize, u8),
        Full(usize, u8),
        Zero(u64, u64),
        Truncate(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u64..30_000, 1usize..14_000, 0u8..3).prop_map(|(o, l, b)| Step::Write(o, l, b)),
            (0usize..14_000, 1u8..3).prop_map(|(l, b)| Step::Full(l, b)),
            (0u64..30_000, 1u64..14_000).prop_map(|(o, l)| Step::Zero(o, l)),
            (0u64..40_000).prop_map(Step::Truncate),
        ]
    }

    proptest! {
        /// On an empty base: the plan must make up the bytes that the steps do.
        #[test]
        fn the_plan_makes_what_the_steps_say(steps in proptest::collection::vec(step(), 1..6)) {
            let (mut edits, mut plain) = (Edits::default(), Vec::new());
            for step in steps {
                match step {
                    Step::Write(offset, length, byte) => {
                        edits.write(offset, Bytes::from(vec![byte; length]));
                        let end = offset as usize + length;
                        plain.resize(plain.len().max(end), 0);
                        plain[offset as usize..end].fill(byte);
                    }
                    Step::Full(length, byte) => {
                        edits.write_full(Bytes::from(vec![byte; length]));
                        plain = vec![byte; length];
                    }
                    Step::Zero(offset, length) if (offset as usize) < plain.len() => {
                        edits.zero(offset, length);
                        let end = (offset + length) as usize;
                        if end >= plain.len() {
                            plain.truncate(offset as usize);
                        } else {
                            plain[offset as usize..end].fill(0);
                        }
                    }
                    Step::Zero(..) => {}
                    Step::Truncate(size) => {
                        edits.truncate(size);
                        plain.resize(size as usize, 0);
                    }
                }
            }
            prop_assert_eq!(edits.size, plain.len() as u64);
            let device = MemoryDevice::new();
            let checksums = Checksums::new(None);
            let content = Content { device: &device, checksums: &checksums, wait: Wait::Allowed };
            let pieces = plan_blocks(content, &Body::default(), &edits).expect("nothing to read");
            let mut made = vec![0; blocks_for(edits.size) as usize * BLOCK];
            for piece in pieces {
                let Piece::Data { block, data } = piece else { panic!("{piece:?} of no data") };
                prop_assert!(data.chunks(BLOCK).all(|block| !is_zero(block)));
                made[block as usize * BLOCK..][..data.len()].copy_from_slice(&data);
            }
            prop_assert!(made[plain.len()..].iter().all(|byte| *byte == 0));
            made.truncate(plain.len());
            prop_assert!(made == plain);
        }
    }
}
