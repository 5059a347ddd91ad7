//! The log: records one after another in segments of the store file.
//!
//! Records are byte-granular; after each sync the next one begins at a block of its own, so that
//! no synced sector is written again. The last block of a segment is kept for the record that
//! names the next segment. Nothing marks the end: it is where no record follows whose checksum is
//! chained to the one before.

mod scan;
mod writer;

use crate::units::{BLOCK_BYTES, Run};

pub(crate) use scan::{Found, ScanError, jump_targets, scan};
pub(crate) use writer::LogWriter;

/// Where the record that leaves a segment stands.
fn jump_position(segment: Run) -> u64 {
    segment.bytes() - BLOCK_BYTES
}
