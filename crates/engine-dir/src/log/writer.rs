//! Appending to the log.

use std::io;

use crate::device::Device;
use crate::layout::{FRAME_HEADER, LogPointer, Record, Seal, encode_frame};
use crate::units::{BLOCK_BYTES, Run, blocks_for};

use super::jump_position;

/// Where the next record goes.
#[derive(Debug)]
pub(crate) struct LogWriter {
    end: LogPointer,
    /// The synced seq that the last record carries.
    carried: u64,
    /// Segments that the log may still be replayed from, oldest first, the current one last.
    segments: Vec<Run>,
    /// Segments that it has left, to be used again.
    spare: Vec<Run>,
    /// Bytes appended since the last checkpoint.
    since_checkpoint: u64,
}

/// Blocks of a segment where space is scarce.
const SMALL_SEGMENT: u64 = 16;

/// Bytes that a record with such a body takes.
fn stored(body: usize) -> u64 {
    (FRAME_HEADER + body) as u64
}

impl LogWriter {
    /// Goes on after `end`. `segments` are those from the oldest that is still needed on.
    pub(crate) fn new(end: LogPointer, segments: Vec<Run>, checkpoint: LogPointer) -> LogWriter {
        let spare = Vec::new();
        let mut log = LogWriter { end, carried: 0, segments, spare, since_checkpoint: 0 };
        log.since_checkpoint = log.distance(&checkpoint);
        log
    }

    /// The next record goes there, over what is there now.
    pub(crate) fn step_back(&mut self, position: u64) {
        debug_assert!(position >= self.end.position, "only what was found not to count is lost");
        self.end.position = position;
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.end.seq
    }

    /// The newest synced seq that any record of this process carries.
    pub(crate) fn carried(&self) -> u64 {
        self.carried
    }

    pub(crate) fn end(&self) -> LogPointer {
        self.end
    }

    pub(crate) fn since_checkpoint(&self) -> u64 {
        self.since_checkpoint
    }

    /// All blocks that the log holds on to.
    pub(crate) fn blocks(&self) -> Vec<Run> {
        self.segments.iter().chain(&self.spare).copied().collect()
    }

    /// Whether the current segment lacks room for a record with such a body.
    pub(crate) fn wants_segment(&self, body: usize) -> bool {
        self.end.position + stored(body) > jump_position(self.end.segment)
    }

    /// Blocks of the next segment, if a record with such a body is to fit: usually, and at least.
    pub(crate) fn next_segment(&self, body: usize) -> (u64, u64) {
        // Doubling keeps the number of segments small under load.
        let usual = (self.end.segment.count * 2).min((8 << 20) / BLOCK_BYTES);
        let needed = blocks_for(stored(body)) + 1;
        (usual.max(needed), needed.max(usual.min(SMALL_SEGMENT)))
    }

    /// Bytes that can still be appended without another segment.
    pub(crate) fn room(&self) -> u64 {
        let spare = self.spare.iter().map(|run| jump_position(*run)).max().unwrap_or(0);
        jump_position(self.end.segment).saturating_sub(self.end.position) + spare
    }

    /// Blocks of the current segment.
    pub(crate) fn segment_blocks(&self) -> u64 {
        self.end.segment.count
    }

    /// A segment to enter when the current one is full.
    pub(crate) fn add_spare(&mut self, segment: Run) {
        self.spare.push(segment);
    }

    /// A left segment that is large enough.
    pub(crate) fn take_spare(&mut self, body: usize) -> Option<Run> {
        let needed = blocks_for(stored(body)) + 1;
        let index = self.spare.iter().position(|run| run.count >= needed)?;
        Some(self.spare.swap_remove(index))
    }

    /// Leaves the current segment for another, whose frames go under that seal.
    pub(crate) fn jump(
        &mut self,
        device: &dyn Device,
        (segment, seal): (Run, Seal),
        synced: u64,
    ) -> io::Result<()> {
        let before = self.end.position;
        self.end.position = jump_position(self.end.segment);
        let body = Record::Jump { segment, seal }.encode();
        if let Err(error) = self.put(device, &body, synced) {
            self.end.position = before;
            return Err(error);
        }
        self.end.segment = segment;
        self.end.seal = seal;
        self.end.position = 0;
        self.segments.push(segment);
        Ok(())
    }

    /// Appends a record for which there is room. After an error nothing has been appended.
    pub(crate) fn append(
        &mut self,
        device: &dyn Device,
        body: &[u8],
        synced: u64,
    ) -> io::Result<u64> {
        debug_assert!(!self.wants_segment(body.len()), "the caller has made room");
        self.put(device, body, synced)?;
        Ok(self.end.seq)
    }

    fn put(&mut self, device: &dyn Device, body: &[u8], synced: u64) -> io::Result<()> {
        let seq = self.end.seq + 1;
        let (bytes, checksum) = encode_frame(self.end.seal, self.end.checksum, (seq, synced), body);
        device.write_at(self.end.segment.offset() + self.end.position, &bytes)?;
        self.end.seq = seq;
        self.end.checksum = checksum;
        self.end.position += bytes.len() as u64;
        self.carried = self.carried.max(synced);
        self.since_checkpoint += bytes.len() as u64;
        Ok(())
    }

    /// The next record begins a new block: what has been written is about to be synced.
    pub(crate) fn seal(&mut self) {
        let aligned = self.end.position.next_multiple_of(BLOCK_BYTES);
        self.since_checkpoint += aligned - self.end.position;
        self.end.position = aligned;
    }

    /// A checkpoint has been taken at `newest`; the log is needed from `oldest` on.
    pub(crate) fn checkpointed(&mut self, oldest: &LogPointer, newest: &LogPointer) {
        let first = self.segments.iter().position(|segment| *segment == oldest.segment);
        self.spare.extend(self.segments.drain(..first.unwrap_or(0)));
        self.since_checkpoint = self.distance(newest);
    }

    /// Bytes from a place in the log to its end.
    fn distance(&self, from: &LogPointer) -> u64 {
        let at = self.segments.iter().position(|segment| *segment == from.segment);
        let whole = self.segments.iter().skip(at.unwrap_or(0)).rev().skip(1);
        let before: u64 = whole.map(|segment| segment.bytes()).sum();
        (before + self.end.position).saturating_sub(from.position)
    }

    /// Segments beyond what the log is likely to want again.
    pub(crate) fn take_surplus(&mut self, keep: u64) -> Vec<Run> {
        let mut kept = 0;
        let (spare, surplus) = std::mem::take(&mut self.spare).into_iter().partition(|run| {
            kept += run.count;
            kept <= keep
        });
        self.spare = spare;
        surplus
    }
}
