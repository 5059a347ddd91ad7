//! An object's bytes: 4 KiB blocks, shared until written, holes where all is zero.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

/// Bytes in one block.
pub(super) const BLOCK: u64 = 4096;

/// Sparse bytes. Cloning shares the blocks.
///
/// Invariants: no block is all zeros; bytes of a block beyond `size` are zeros.
#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    size: u64,
    blocks: BTreeMap<u64, Arc<[u8]>>,
}

impl Data {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes that blocks occupy.
    pub(super) fn stored_bytes(&self) -> u64 {
        self.blocks.len() as u64 * BLOCK
    }

    /// What is there between `offset` and `offset + length`; short at the end.
    pub(super) fn read(&self, offset: u64, length: u64) -> Bytes {
        let end = offset.saturating_add(length).min(self.size);
        let length = end.saturating_sub(offset) as usize;
        let mut bytes = BytesMut::zeroed(length);
        for (index, block) in self.blocks_within(offset, end) {
            let start = index * BLOCK;
            let (from, to) = (start.max(offset), (start + BLOCK).min(end));
            bytes[(from - offset) as usize..(to - offset) as usize]
                .copy_from_slice(&block[(from - start) as usize..(to - start) as usize]);
        }
        bytes.freeze()
    }

    /// The stored runs between `offset` and `offset + length`.
    pub(super) fn runs(&self, offset: u64, length: u64) -> Vec<(u64, u64)> {
        let end = offset.saturating_add(length).min(self.size);
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for (index, _) in self.blocks_within(offset, end) {
            let start = index * BLOCK;
            let (from, to) = (start.max(offset), (start + BLOCK).min(end));
            match runs.last_mut() {
                Some((o, l)) if *o + *l == from => *l += to - from,
                _ => runs.push((from, to - from)),
            }
        }
        runs
    }

    fn blocks_within(&self, offset: u64, end: u64) -> impl Iterator<Item = (u64, &Arc<[u8]>)> {
        let last = if offset < end { end.div_ceil(BLOCK) } else { offset / BLOCK };
        self.blocks.range(offset / BLOCK..last).map(|(index, block)| (*index, block))
    }

    /// Writes `bytes` at `offset`, growing as needed.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            let within = (at % BLOCK) as usize;
            let (piece, after) = rest.split_at(rest.len().min(BLOCK as usize - within));
            self.change_block(at / BLOCK, |block| {
                block[within..within + piece.len()].copy_from_slice(piece);
            });
            at += piece.len() as u64;
            rest = after;
        }
        self.size = self.size.max(at);
    }

    /// Makes the range zeros without changing the size.
    pub(super) fn zero(&mut self, offset: u64, length: u64) {
        let end = offset.saturating_add(length).min(self.size);
        let touched: Vec<u64> = self.blocks_within(offset, end).map(|(index, _)| index).collect();
        for index in touched {
            let start = index * BLOCK;
            let (from, to) = (start.max(offset) - start, (start + BLOCK).min(end) - start);
            self.change_block(index, |block| block[from as usize..to as usize].fill(0));
        }
    }

    /// Cuts or grows to `size`.
    pub(super) fn truncate(&mut self, size: u64) {
        self.zero(size, u64::MAX - size);
        self.size = size;
    }

    fn change_block(&mut self, index: u64, change: impl FnOnce(&mut [u8])) {
        let mut block = match self.blocks.get(&index) {
            Some(block) => block.to_vec(),
            None => vec![0; BLOCK as usize],
        };
        change(&mut block);
        if block.iter().all(|byte| *byte == 0) {
            self.blocks.remove(&index);
        } else {
            self.blocks.insert(index, block.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Change {
        Write(u64, usize, u8),
        Zero(u64, u64),
        Truncate(u64),
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            (0u64..12_000, 1usize..6000, 0u8..3).prop_map(|(o, l, b)| Change::Write(o, l, b)),
            (0u64..16_000, 0u64..9000).prop_map(|(o, l)| Change::Zero(o, l)),
            (0u64..16_000).prop_map(Change::Truncate),
        ]
    }

    proptest! {
        #[test]
        fn sparse_data_reads_like_plain_bytes(changes in proptest::collection::vec(change(), 0..12)) {
            let (mut data, mut plain) = (Data::default(), Vec::<u8>::new());
            for change in changes {
                match change {
                    Change::Write(offset, length, byte) => {
                        data.write(offset, &vec![byte; length]);
                        let end = offset as usize + length;
                        plain.resize(plain.len().max(end), 0);
                        plain[offset as usize..end].fill(byte);
                    }
                    Change::Zero(offset, length) => {
                        data.zero(offset, length);
                        let end = ((offset + length) as usize).min(plain.len());
                        plain[(offset as usize).min(end)..end].fill(0);
                    }
                    Change::Truncate(size) => {
                        data.truncate(size);
                        plain.resize(size as usize, 0);
                    }
                }
                prop_assert_eq!(&data.read(0, u64::MAX)[..], &plain[..]);
                let mut sparse = vec![0; plain.len()];
                for (offset, length) in data.runs(0, u64::MAX) {
                    let range = offset as usize..(offset + length) as usize;
                    sparse[range].copy_from_slice(&data.read(offset, length));
                }
                prop_assert_eq!(sparse, plain.clone());
            }
        }
    }
}
