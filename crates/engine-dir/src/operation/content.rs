//! Reading an object's bytes, every block's checksum verified.

use std::io;

use bytes::Bytes;

use crate::device::Device;
use crate::meta::MetaError;
use crate::object::Body;
use crate::space::Checksums;
use crate::units::{BLOCK, BLOCK_BYTES, Run, blocks_for};

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
    #[error("{0}")]
    Meta(#[from] MetaError),
    #[error("the data is not in memory")]
    WouldWait,
}

/// What data is read through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content<'a> {
    pub device: &'a dyn Device,
    pub checksums: &'a Checksums,
    pub wait: Wait,
}

impl Content<'_> {
    /// Reads adjacent blocks and verifies them. `first` is the object's block that they begin with.
    fn read_run(&self, run: Run, first: u64, into: &mut [u8]) -> Result<(), ReadFailure> {
        let mut checksums = Vec::with_capacity(run.count as usize);
        if !self.checksums.known(run, &mut checksums) {
            if self.wait == Wait::Never {
                return Err(ReadFailure::WouldWait);
            }
            self.checksums.load(run, &mut checksums)?;
        }
        let offset = run.offset();
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
        for (index, (checksum, block)) in (0..).zip(checksums.iter().zip(into.chunks_exact(BLOCK)))
        {
            if crc32c::crc32c(block) != *checksum {
                let index: u64 = index;
                return Err(ReadFailure::Checksum { at: (first + index) * BLOCK_BYTES });
            }
        }
        Ok(())
    }

    /// One whole block; `None` for a hole.
    pub(crate) fn block(&self, body: &Body, block: u64) -> Result<Option<Vec<u8>>, ReadFailure> {
        let Some(physical) = body.blocks.get(block) else { return Ok(None) };
        let mut bytes = vec![0; BLOCK];
        self.read_run(Run::new(physical, 1), block, &mut bytes)?;
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
    for piece in body.blocks.pieces_in(first, last) {
        let start = (piece.block - first) as usize * BLOCK;
        let part = &mut bytes[start..start + piece.run.bytes() as usize];
        content.read_run(piece.run, piece.block, part)?;
    }
    let start = (offset - first * BLOCK_BYTES) as usize;
    Ok(Bytes::from(bytes).slice(start..start + (end - offset) as usize))
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
