//! Reading an object's bytes, every block's checksum verified.

use std::io;

use bytes::Bytes;

use crate::device::Device;
use crate::object::{BlockRef, Body};
use crate::units::{BLOCK, BLOCK_BYTES, blocks_for};

/// Whether a read may wait for the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    Allowed,
    /// `WouldBlock` for what is not in the page cache.
    Never,
}

/// Why bytes could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFailure {
    #[error("reading the store file failed at byte {at} of the object: {error}")]
    Device { at: u64, error: io::Error },
    /// The bytes are not those that were written.
    #[error("the checksum of the block at byte {at} of the object differs")]
    Checksum { at: u64 },
    #[error("the data is not in memory")]
    WouldWait,
}

/// What data is read through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'a> {
    pub device: &'a dyn Device,
    pub wait: Wait,
}

impl Content<'_> {
    /// Reads adjacent blocks and verifies them. `first` is the object's block that they begin with.
    fn read_run(&self, run: &[BlockRef], first: u64, into: &mut [u8]) -> Result<(), ReadFailure> {
        let Some(start) = run.first() else { return Ok(()) };
        let offset = start.physical * BLOCK_BYTES;
        let read = match self.wait {
            Wait::Allowed => self.device.read_at(offset, into),
            Wait::Never => self.device.read_at_nowait(offset, into),
        };
        match read {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(ReadFailure::WouldWait);
            }
            Err(error) => return Err(ReadFailure::Device { at: first * BLOCK_BYTES, error }),
        }
        for (index, (entry, block)) in (0u64..).zip(run.iter().zip(into.chunks_exact(BLOCK))) {
            if crc32c::crc32c(block) != entry.checksum {
                return Err(ReadFailure::Checksum { at: (first + index) * BLOCK_BYTES });
            }
        }
        Ok(())
    }

    /// One whole block; `None` for a hole.
    pub(crate) fn block(&self, body: &Body, block: u64) -> Result<Option<Vec<u8>>, ReadFailure> {
        let entry = body.blocks.get(block);
        if entry.is_hole() {
            return Ok(None);
        }
        let mut bytes = vec![0; BLOCK];
        self.read_run(&[entry], block, &mut bytes)?;
        Ok(Some(bytes))
    }
}

/// The bytes from `offset` on, short at the end of the object.
pub(crate) fn read_extent(
    content: Content<'_>,
    body: &Body,
    offset: u64,
    length: u64,
) -> Result<Bytes, ReadFailure> {
    let end = offset.saturating_add(length).min(body.size);
    if offset >= end {
        return Ok(Bytes::new());
    }
    let (first, last) = (offset / BLOCK_BYTES, blocks_for(end));
    let mut bytes = vec![0; (last - first) as usize * BLOCK];
    let mut run: Vec<BlockRef> = Vec::new();
    let mut run_first = first;
    for (block, entry) in body.blocks.mapped_in(first, last) {
        let next = run_first + run.len() as u64;
        let adjacent = run.last().is_some_and(|last| last.physical + 1 == entry.physical);
        if !(adjacent && block == next) {
            content.read_run(&run, run_first, place(&mut bytes, run_first - first, run.len()))?;
            run.clear();
            run_first = block;
        }
        run.push(entry);
    }
    content.read_run(&run, run_first, place(&mut bytes, run_first - first, run.len()))?;
    let start = (offset - first * BLOCK_BYTES) as usize;
    Ok(Bytes::from(bytes).slice(start..start + (end - offset) as usize))
}

fn place(bytes: &mut [u8], block: u64, count: usize) -> &mut [u8] {
    let start = block as usize * BLOCK;
    &mut bytes[start..start + count * BLOCK]
}

/// The stored runs within a range, in bytes.
pub(crate) fn stored_runs(body: &Body, offset: u64, length: u64) -> Vec<(u64, u64)> {
    let end = offset.saturating_add(length).min(body.size);
    let mut runs: Vec<(u64, u64)> = Vec::new();
    if offset >= end {
        return runs;
    }
    for piece in body.blocks.pieces_in(offset / BLOCK_BYTES, blocks_for(end)) {
        let from = (piece.block * BLOCK_BYTES).max(offset);
        let to = ((piece.block + piece.run.count) * BLOCK_BYTES).min(end);
        match runs.last_mut() {
            Some((o, l)) if *o + *l == from => *l += to - from,
            _ => runs.push((from, to - from)),
        }
    }
    runs
}
