//! Blocks of the store file and runs of them.

/// Bytes of a block: the unit of allocation, of checksums and of everything that is shared.
pub(crate) const BLOCK_BYTES: u64 = 4096;
/// The same, for slices.
pub(crate) const BLOCK: usize = BLOCK_BYTES as usize;
/// Largest size of an object, as an OSD of 16.2 has it (`osd_max_object_size`).
pub(crate) const MAX_OBJECT_BYTES: u64 = 128 << 20;

/// Adjacent blocks of the store file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    pub start: u64,
    pub count: u64,
}

impl Run {
    pub(crate) fn new(start: u64, count: u64) -> Run {
        Run { start, count }
    }

    /// The first block after the run.
    pub(crate) fn end(self) -> u64 {
        self.start + self.count
    }

    /// Where the run begins in the store file, in bytes.
    pub(crate) fn offset(self) -> u64 {
        self.start * BLOCK_BYTES
    }

    pub(crate) fn bytes(self) -> u64 {
        self.count * BLOCK_BYTES
    }

    /// Whether the run lies in a store of that many blocks; what is read from a disk must be asked.
    pub(crate) fn lies_within(self, blocks: u64) -> bool {
        self.start.checked_add(self.count).is_some_and(|end| end <= blocks)
    }
}

/// Blocks that so many bytes take.
pub(crate) fn blocks_for(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES)
}
