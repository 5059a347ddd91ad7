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
    end: LogPointer,
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    #[error("the log cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("record {seq} of the log: {damage}")]
    Damaged { seq: u64, damage: Damaged },
    #[error(
        "record {seq} is damaged or missing; going on without it would lose what was made durable \
         after it, up to record {known}"
    )]
    Cut { seq: u64, known: u64 },
}

/// Follows the log from `start`. Records up to `known` were durable; so were those of which a later
/// record says so: when one of them does not follow, it is damaged.
pub(crate) fn scan(
    device: &dyn Device,
    start: LogPointer,
    known: u64,
) -> Result<Scanned, ScanError> {
    let scanned = follow(device, start)?;
    let known = known.max(synced_beyond(device, &scanned.end)?);
    match scanned.end.seq < known {
        false => Ok(scanned),
        true => Err(ScanError::Cut { seq: scanned.end.seq + 1, known }),
    }
}

fn follow(device: &dyn Device, start: LogPointer) -> Result<Scanned, ScanError> {
    let segments = vec![start.segment];
    let mut scanned = Scanned { found: Vec::new(), segments, synced: 0, end: start };
    let mut window = Window::new(device, start.segment);
    while let Some((frame, position)) = next_frame(&mut window, &scanned.end)? {
        let record = Record::decode(&frame.body)
            .map_err(|damage| ScanError::Damaged { seq: frame.seq, damage })?;
        let at = &mut scanned.end;
        at.seq = frame.seq;
        at.checksum = frame.checksum;
        at.position = position + frame.stored_length();
        if let Record::Jump { segment, seal } = record {
            window = Window::new(device, segment);
            at.segment = segment;
            at.seal = seal;
            at.position = 0;
            scanned.segments.push(segment);
        }
        scanned.synced = scanned.synced.max(frame.synced_seq);
        scanned.found.push(Found { record, start: position, end: *at });
    }
    Ok(scanned)
}

/// The newest synced seq in records behind the end of the chain, in the rest of its segment and
/// wherever that leads. If it lies beyond the end, a record between was durable and is damaged.
/// What lost timelines leave behind cannot say so, or they would not have been lost.
///
/// The first record that can know of a sync begins a block, or follows one that does.
fn synced_beyond(device: &dyn Device, end: &LogPointer) -> Result<u64, ScanError> {
    let mut newest = 0;
    // More records than that do not fit.
    let possible = end.seq + 2..=end.seq.saturating_add(end.segment.bytes());
    let mut window = Window::new(device, end.segment);
    let mut position = end.position.next_multiple_of(BLOCK_BYTES);
    while let Some(at) = window.next_block(position)? {
        position = at + BLOCK_BYTES;
        // Only the rare one that looks right is worth its checksum.
        let looks_right =
            peek(end.seal, &window.loaded(at)).is_some_and(|(seq, _)| possible.contains(&seq));
        let frame = match looks_right {
            true => Frame::decode_unchained(end.seal, &window.from(at)?).ok(),
            false => None,
        };
        let Some(frame) = frame else { continue };
        newest = newest.max(frame.synced_seq);
        let (seq, checksum, behind) = (frame.seq, frame.checksum, at + frame.stored_length());
        let behind = LogPointer { seq, checksum, position: behind, ..*end };
        let followed = match Record::decode(&frame.body) {
            Ok(Record::Jump { segment, seal }) => {
                follow(device, LogPointer { segment, seal, position: 0, ..behind })
            }
            _ => follow(device, behind),
        };
        let Ok(followed) = followed else { continue };
        newest = newest.max(followed.synced);
        if followed.end.segment != end.segment {
            break;
        }
        position = position.max(followed.end.position.next_multiple_of(BLOCK_BYTES));
    }
    Ok(newest)
}

/// The frame after `at`: right behind, at the next block, or where segments are left.
fn next_frame(window: &mut Window<'_>, at: &LogPointer) -> io::Result<Option<(Frame, u64)>> {
    let aligned = at.position.next_multiple_of(BLOCK_BYTES);
    for position in [at.position, aligned, jump_position(at.segment)] {
        let bytes = window.from(position)?;
        if let Ok(frame) = Frame::decode(at.seal, &bytes, at.checksum, at.seq + 1) {
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

impl<'a> Window<'a> {
    fn new(device: &'a dyn Device, segment: Run) -> Window<'a> {
        Window { device, segment, start: 0, bytes: Bytes::new() }
    }

    /// The first block from `position`, a multiple of blocks, on that was ever written, with at
    /// least the head of a frame in memory; `None` at the end of the segment.
    fn next_block(&mut self, position: u64) -> io::Result<Option<u64>> {
        if self.loaded(position).len() >= FRAME_HEADER {
            return Ok(Some(position));
        }
        let offset = self.segment.offset();
        let found = self.device.next_data(offset + position)? - offset;
        let found = position.max(found / BLOCK_BYTES * BLOCK_BYTES);
        if found >= self.segment.bytes() {
            return Ok(None);
        }
        self.load(found, WINDOW)?;
        Ok((self.bytes.len() >= FRAME_HEADER).then_some(found))
    }

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

/// The segments from that of `oldest` up to, not including, `newest`: only the records that leave a
/// segment are read.
pub(crate) fn jump_targets(
    device: &dyn Device,
    oldest: LogPointer,
    newest: Run,
) -> Result<Vec<Run>, ScanError> {
    let mut segments = Vec::new();
    let (mut at, mut seal) = (oldest.segment, oldest.seal);
    while at != newest {
        segments.push(at);
        let mut block = vec![0; BLOCK_BYTES as usize];
        device.read_at(at.offset() + jump_position(at), &mut block)?;
        let frame = Frame::decode_unchained(seal, &Bytes::from(block));
        match frame.map(|frame| Record::decode(&frame.body)) {
            Ok(Ok(Record::Jump { segment, seal: next })) if !segments.contains(&segment) => {
                (at, seal) = (segment, next);
            }
            _ => {
                let damage = Damaged("it does not lead from the old checkpoint to the new");
                return Err(ScanError::Damaged { seq: 0, damage });
            }
        }
    }
    Ok(segments)
}
