//! Reading the log back.

use std::io;

use bytes::Bytes;

use crate::device::Device;
use crate::layout::{Damaged, Frame, LogPointer, Record};
use crate::units::{BLOCK_BYTES, Run};

use super::jump_position;

/// A record that was found, and where the log stands behind it.
#[derive(Debug)]
pub(crate) struct Found {
    pub record: Record,
    /// Where in its segment the record begins.
    pub start: u64,
    pub end: LogPointer,
}

/// The longest chain of records whose checksums are right.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub found: Vec<Found>,
    /// The segments, from the first to the last that was entered.
    pub segments: Vec<Run>,
    /// The newest synced seq that any of them carries.
    pub synced: u64,
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    #[error("the log cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("record {seq} of the log: {damage}")]
    Damaged { seq: u64, damage: Damaged },
}

/// Follows the log from `start`.
pub(crate) fn scan(device: &dyn Device, start: LogPointer) -> Result<Scanned, ScanError> {
    let mut scanned = Scanned { found: Vec::new(), segments: vec![start.segment], synced: 0 };
    let mut at = start;
    let mut bytes = read_segment(device, start.segment)?;
    while let Some((frame, position)) = next_frame(&bytes, &at) {
        let record = Record::decode(&frame.body)
            .map_err(|damage| ScanError::Damaged { seq: frame.seq, damage })?;
        at.seq = frame.seq;
        at.checksum = frame.checksum;
        at.position = position + frame.stored_length();
        if let Record::Jump { segment } = record {
            bytes = read_segment(device, segment)?;
            at.segment = segment;
            at.position = 0;
            scanned.segments.push(segment);
        }
        scanned.synced = scanned.synced.max(frame.synced_seq);
        scanned.found.push(Found { record, start: position, end: at });
    }
    Ok(scanned)
}

/// The frame after `at`: right behind, at the next block, or where segments are left.
fn next_frame(segment: &Bytes, at: &LogPointer) -> Option<(Frame, u64)> {
    let aligned = at.position.next_multiple_of(BLOCK_BYTES);
    let places = [at.position, aligned, jump_position(at.segment)];
    places.into_iter().find_map(|position| {
        let rest = usize::try_from(position).ok().filter(|start| *start <= segment.len())?;
        let frame = Frame::decode(&segment.slice(rest..), at.checksum, at.seq + 1).ok()?;
        Some((frame, position))
    })
}

/// A segment's bytes; what lies beyond the end of the device was never written.
fn read_segment(device: &dyn Device, segment: Run) -> io::Result<Bytes> {
    let length = device.length()?;
    let there = length.saturating_sub(segment.offset()).min(segment.bytes());
    let there = usize::try_from(there).map_err(io::Error::other)?;
    if there == 0 {
        return Ok(Bytes::new());
    }
    let mut bytes = vec![0; there];
    device.read_at(segment.offset(), &mut bytes)?;
    Ok(Bytes::from(bytes))
}

/// The segments from `oldest` up to, not including, `newest`: only the records that leave a segment
/// are read.
pub(crate) fn jump_targets(
    device: &dyn Device,
    oldest: Run,
    newest: Run,
) -> Result<Vec<Run>, ScanError> {
    let mut segments = Vec::new();
    let mut at = oldest;
    while at != newest {
        segments.push(at);
        let mut block = vec![0; BLOCK_BYTES as usize];
        device.read_at(at.offset() + jump_position(at), &mut block)?;
        match Frame::decode_unchained(&Bytes::from(block)).map(|frame| Record::decode(&frame.body))
        {
            Ok(Ok(Record::Jump { segment })) if !segments.contains(&segment) => at = segment,
            _ => {
                let damage = Damaged("it does not lead from the old checkpoint to the new");
                return Err(ScanError::Damaged { seq: 0, damage });
            }
        }
    }
    Ok(segments)
}
