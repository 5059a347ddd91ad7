//! The superblock: identity, features, and where the log begins.
//!
//! Two copies in the first two blocks are written in turn; the valid one with the higher
//! generation counts. It names places in the log: after the checkpoint before the last, after the
//! last one, and one that was durable when it was written. The log is kept from the first on, and
//! one that ends before the third has been damaged.

use super::codec::{Damaged, Reader, Writer};
use super::frame::Seal;
use crate::units::{BLOCK, Run};

const MAGIC: &[u8; 8] = b"MARCOTST";
/// What is written. Format 1 has no seals; in 1 and 2 objects have their blocks' checksums. Both
/// become format 3 with the next superblock.
const FORMAT: u32 = 3;
const FORMAT_WITH_SEALS: u32 = 2;
const FORMAT_WITHOUT_SEALS: u32 = 1;
/// Features that a reader must know (none yet), and those that only a writer must.
const KNOWN_INCOMPATIBLE: u64 = 0;
const KNOWN_READ_ONLY_COMPATIBLE: u64 = 0;

/// A place between two records of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogPointer {
    /// The last record before the place.
    pub seq: u64,
    /// Its checksum.
    pub checksum: u32,
    pub segment: Run,
    pub seal: Seal,
    /// Bytes from the start of the segment.
    pub position: u64,
}

/// What the superblock holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Superblock {
    pub generation: u64,
    pub store: [u8; 16],
    /// Where replay may have to begin.
    pub oldest: LogPointer,
    /// Where it begins when the last checkpoint is readable.
    pub newest: LogPointer,
    /// The log was durable up to there, data and all; `None` when nobody has said so yet.
    pub synced: Option<LogPointer>,
    /// Blocks set aside for changes on a full file system; none in stores of older versions.
    pub upkeep: Run,
    /// Whether a checkpoint has ever been made: without one the metadata file means nothing.
    pub has_checkpoint: bool,
}

/// Why a block is not a superblock that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SuperblockError {
    #[error(transparent)]
    Damaged(#[from] Damaged),
    #[error("it has the features {0:#x}, which this version does not know")]
    UnknownFeatures(u64),
    #[error("it has format {0}, and this version knows formats up to {FORMAT}: use a newer one")]
    UnknownFormat(u32),
}

impl SuperblockError {
    /// Whether it is whole, but made by a version that knows more.
    pub(crate) fn is_of_another_version(&self) -> bool {
        !matches!(self, SuperblockError::Damaged(_))
    }
}

impl Superblock {
    /// Whether it is the one that the store was made with.
    pub(crate) fn is_first(&self) -> bool {
        self.generation == 1
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        for byte in MAGIC {
            writer.u8(*byte);
        }
        writer.u32(FORMAT);
        writer.u32(BLOCK as u32);
        writer.u64(0);
        writer.u64(0);
        writer.u64(0);
        for byte in self.store {
            writer.u8(byte);
        }
        writer.u64(self.generation);
        writer.u8(u8::from(self.has_checkpoint));
        let synced = self.synced.unwrap_or_default();
        for pointer in [&self.oldest, &self.newest, &synced] {
            writer.u64(pointer.seq);
            writer.u32(pointer.checksum);
            writer.u64(pointer.segment.start);
            writer.u64(pointer.segment.count);
            writer.u64(pointer.position);
            writer.u64(pointer.seal.seq);
            writer.u64(pointer.seal.synced);
        }
        writer.u64(self.upkeep.start);
        writer.u64(self.upkeep.count);
        let mut bytes = writer.finish();
        bytes.resize(BLOCK - 4, 0);
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(block: &[u8]) -> Result<Superblock, SuperblockError> {
        let (bytes, stored) = block.split_last_chunk::<4>().ok_or(Damaged("it ends early"))?;
        let mut reader = Reader::new(bytes);
        for byte in MAGIC {
            if reader.u8()? != *byte {
                return Err(Damaged("this is no store").into());
            }
        }
        if bytes.len() != BLOCK - 4 || crc32c::crc32c(bytes) != u32::from_le_bytes(*stored) {
            return Err(Damaged("the superblock's checksum differs").into());
        }
        let format = reader.u32()?;
        let sealed = match format {
            FORMAT | FORMAT_WITH_SEALS => Sealed::Yes,
            FORMAT_WITHOUT_SEALS => Sealed::No,
            unknown => return Err(SuperblockError::UnknownFormat(unknown)),
        };
        if reader.u32()? != BLOCK as u32 {
            return Err(Damaged("its blocks are of another size").into());
        }
        let _compatible = reader.u64()?;
        let read_only_compatible = reader.u64()?;
        let unknown = (reader.u64()? & !KNOWN_INCOMPATIBLE)
            | (read_only_compatible & !KNOWN_READ_ONLY_COMPATIBLE);
        if unknown != 0 {
            return Err(SuperblockError::UnknownFeatures(unknown));
        }
        let mut store = [0; 16];
        for byte in &mut store {
            *byte = reader.u8()?;
        }
        let generation = reader.u64()?;
        let has_checkpoint = reader.u8()? != 0;
        let oldest = decode_pointer(&mut reader, sealed)?;
        let newest = decode_pointer(&mut reader, sealed)?;
        let length = sealed.pointer_bytes();
        let synced = match reader.rest().iter().take(length).all(|byte| *byte == 0) {
            true => reader.skip(length).map(|()| None)?,
            false => Some(decode_pointer(&mut reader, sealed)?),
        };
        let upkeep = Run::new(reader.u64()?, reader.u64()?);
        if !upkeep.lies_within(1 << 50) {
            return Err(Damaged("the blocks set aside lie nowhere").into());
        }
        Ok(Superblock { generation, store, oldest, newest, synced, upkeep, has_checkpoint })
    }
}

/// Whether places in the log come with the seals of their segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sealed {
    Yes,
    No,
}

impl Sealed {
    fn pointer_bytes(self) -> usize {
        if self == Sealed::Yes { 52 } else { 36 }
    }
}

fn decode_pointer(reader: &mut Reader<'_>, sealed: Sealed) -> Result<LogPointer, Damaged> {
    let seq = reader.u64()?;
    let checksum = reader.u32()?;
    let segment = Run::new(reader.u64()?, reader.u64()?);
    let position = reader.u64()?;
    let seal = match sealed {
        Sealed::Yes => Seal { seq: reader.u64()?, synced: reader.u64()? },
        Sealed::No => Seal::default(),
    };
    if segment.start < 2 || segment.count < 2 || !segment.lies_within(1 << 50) {
        return Err(Damaged("a log segment lies nowhere"));
    }
    if position > segment.bytes() {
        return Err(Damaged("the log begins outside its segment"));
    }
    Ok(LogPointer { seq, checksum, segment, seal, position })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Superblock {
        let seal = Seal { seq: 5, synced: 6 };
        let segment = Run::new(2, 254);
        let pointer = LogPointer { seq: 9, checksum: 4, segment, seal, position: 4096 };
        Superblock {
            generation: 3,
            store: [7; 16],
            oldest: pointer,
            newest: LogPointer { seq: 12, ..pointer },
            synced: Some(LogPointer { seq: 14, ..pointer }),
            upkeep: Run::new(256, 31),
            has_checkpoint: true,
        }
    }

    #[test]
    fn it_reads_what_it_wrote_and_sees_every_flipped_bit() {
        let bytes = some().encode();
        assert_eq!(bytes.len(), BLOCK);
        assert_eq!(Superblock::decode(&bytes), Ok(some()));
        let silent = Superblock { synced: None, ..some() };
        assert_eq!(Superblock::decode(&silent.encode()), Ok(silent));
        for byte in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[byte] ^= 0x10;
            assert!(Superblock::decode(&damaged).is_err(), "byte {byte}");
        }
    }

    #[test]
    fn unknown_features_are_named() {
        let mut bytes = some().encode();
        bytes[32] = 2;
        let checksum = crc32c::crc32c(&bytes[..BLOCK - 4]);
        bytes[BLOCK - 4..].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(Superblock::decode(&bytes), Err(SuperblockError::UnknownFeatures(2)));
    }
}
