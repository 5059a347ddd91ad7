//! Reading the log back.

use std::io;

use bytes::Bytes;

use crate::device::Device;
use crate::layout::{Damaged, FRAME_HEADER, Frame, LogPointer, Record, peek};
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
    let mut window = Window { device, segment: start.segment, start: 0, bytes: Bytes::new() };
    while let Some((frame, position)) = next_frame(&mut window, &at)? {
        let record = Record::decode(&frame.body)
            .map_err(|damage| ScanError::Damaged { seq: frame.seq, damage })?;
        at.seq = frame.seq;
        at.checksum = frame.checksum;
        at.position = position + frame.stored_length();
        if let Record::Jump { segment } = record {
            window = Window { device, segment, start: 0, bytes: Bytes::new() };
            at.segment = segment;
            at.position = 0;
            scanned.segments.push(segment);
        }
        scanned.synced = scanned.synced.max(frame.synced_seq);
        scanned.found.push(Found { record, start: position, end: at });
    }
    match is_cut_short(&mut window, &at)? {
        false => Ok(scanned),
        true => {
            let damage = Damaged("it cannot be read, and a later one says that it was synced");
            Err(ScanError::Damaged { seq: at.seq + 1, damage })
        }
    }
}

/// Whether the record behind `at` is damaged rather than absent: a later one not far behind says
/// that it was durable. What lost timelines leave behind cannot say so, or it would not have been
/// lost.
fn is_cut_short(window: &mut Window<'_>, at: &LogPointer) -> io::Result<bool> {
    let next = at.seq + 1;
    // More records than that do not fit.
    let most = at.seq.saturating_add(at.segment.bytes());
    window.load(at.position.next_multiple_of(BLOCK_BYTES), WINDOW)?;
    let bytes = window.bytes.clone();
    let says_so = |position: usize| {
        let Some((seq, synced)) = peek(bytes.slice(position..).as_ref()) else { return false };
        // Only the rare one that looks right is worth its checksum.
        (next < seq && seq <= most && (next..seq).contains(&synced))
            && Frame::decode_unchained(&bytes.slice(position..)).is_ok()
    };
    Ok((0..bytes.len()).step_by(BLOCK_BYTES as usize).any(says_so))
}

/// The frame after `at`: right behind, at the next block, or where segments are left.
fn next_frame(window: &mut Window<'_>, at: &LogPointer) -> io::Result<Option<(Frame, u64)>> {
    let aligned = at.position.next_multiple_of(BLOCK_BYTES);
    for position in [at.position, aligned, jump_position(at.segment)] {
        let bytes = window.from(position)?;
        if let Ok(frame) = Frame::decode(&bytes, at.checksum, at.seq + 1) {
            return Ok(Some((frame, position)));
        }
    }
    Ok(None)
}

/// Bytes of the log that are read in one go: a segment may be much longer than what is in it.
const WINDOW: u64 = 128 << 10;

/// The part of a segment that is in memory.
struct Window<'a> {
    device: &'a dyn Device,
    segment: Run,
    /// Where in the segment `bytes` begins.
    start: u64,
    bytes: Bytes,
}

impl Window<'_> {
    /// The segment from `position` on, at least to the end of a frame that begins there.
    fn from(&mut self, position: u64) -> io::Result<Bytes> {
        let there = self.loaded(position);
        let needed = Frame::length_at(&there).unwrap_or(FRAME_HEADER as u64);
        if there.len() as u64 >= needed {
            return Ok(there);
        }
        self.load(position, WINDOW)?;
        match Frame::length_at(&self.bytes) {
            Some(needed) if needed > WINDOW => self.load(position, needed)?,
            _ => {}
        }
        Ok(self.bytes.clone())
    }

    fn loaded(&self, position: u64) -> Bytes {
        let from = position.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        let from = from.filter(|from| *from <= self.bytes.len());
        from.map_or_else(Bytes::new, |from| self.bytes.slice(from..))
    }

    /// What lies beyond the end of the segment is not its own, beyond that of the device was never
    /// written.
    fn load(&mut self, position: u64, length: u64) -> io::Result<()> {
        let end = self.segment.bytes().min(position.saturating_add(length));
        let end = end.min(self.device.length()?.saturating_sub(self.segment.offset()));
        let there = usize::try_from(end.saturating_sub(position)).map_err(io::Error::other)?;
        let mut bytes = vec![0; there];
        if there > 0 {
            self.device.read_at(self.segment.offset() + position, &mut bytes)?;
        }
        (self.start, self.bytes) = (position, Bytes::from(bytes));
        Ok(())
    }
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
