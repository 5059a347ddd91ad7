//! Where header, bits and footer of a stored object map lie.

use std::ops::Range;

use super::{MAX_OBJECT_COUNT, ObjectMap, checksum};
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// Bytes of bits behind one checksum.
pub const BLOCK_SIZE: u64 = 4096;

/// Positions in a stored map of a number of objects. All in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    object_count: u64,
}

impl Layout {
    /// Bytes before the bits.
    pub const HEADER_LENGTH: u64 = 18;

    pub fn new(object_count: u64) -> Layout {
        assert!(object_count <= MAX_OBJECT_COUNT, "an object map of {object_count} objects");
        Layout { object_count }
    }

    /// Reads the number of objects out of the first [`Self::HEADER_LENGTH`] bytes.
    pub fn from_header(bytes: &[u8]) -> Result<Layout, DecodeError> {
        let mut input = Decoder::new(ObjectMap::RECORD, bytes);
        decode_header(&mut input).map(|(count, _)| Layout::new(count))
    }

    pub fn object_count(self) -> u64 {
        self.object_count
    }

    /// How many bytes the bits take.
    pub fn data_length(self) -> u64 {
        self.object_count.div_ceil(4)
    }

    /// Checksummed blocks of bits; the last may be short.
    pub fn block_count(self) -> u64 {
        self.data_length().div_ceil(BLOCK_SIZE)
    }

    /// Where the footer begins.
    pub fn footer_offset(self) -> u64 {
        Self::HEADER_LENGTH + self.data_length()
    }

    /// How many bytes the footer takes.
    pub fn footer_length(self) -> u64 {
        12 + 4 * self.block_count()
    }

    /// The blocks that hold the bits of a range of objects.
    pub fn blocks(self, objects: Range<u64>) -> Range<u64> {
        assert!(objects.start <= objects.end && objects.end <= self.object_count);
        let block = 4 * BLOCK_SIZE;
        if objects.is_empty() { 0..0 } else { objects.start / block..objects.end.div_ceil(block) }
    }

    /// The objects whose bits lie in a range of blocks.
    pub fn objects(self, blocks: Range<u64>) -> Range<u64> {
        let bound = |block: u64| (block * 4 * BLOCK_SIZE).min(self.object_count);
        bound(blocks.start)..bound(blocks.end)
    }

    /// The bytes of a range of blocks, from the start of the object.
    pub fn bytes(self, blocks: Range<u64>) -> Range<u64> {
        let bound = |block: u64| Self::HEADER_LENGTH + (block * BLOCK_SIZE).min(self.data_length());
        bound(blocks.start)..bound(blocks.end)
    }
}

/// The checksums at the end of a stored map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Footer {
    pub header_crc: u32,
    /// One for each [`BLOCK_SIZE`] bytes of bits.
    pub block_crcs: Vec<u32>,
}

impl Footer {
    /// The right checksums of a map.
    pub fn of(map: &ObjectMap) -> Footer {
        Footer {
            header_crc: Footer::header_crc(map.len()),
            block_crcs: map.bits().chunks(BLOCK_SIZE as usize).map(checksum).collect(),
        }
    }

    /// The right checksum of the header of a map with so many objects.
    pub fn header_crc(object_count: u64) -> u32 {
        checksum(&encode_header(object_count)[4..])
    }

    /// The right checksum of one block's bytes.
    pub fn block_crc(block: &[u8]) -> u32 {
        checksum(block)
    }
}

impl Encode for Footer {
    fn encode(&self, out: &mut Encoder) {
        let mut footer = Encoder::default();
        footer.put(&self.header_crc).put(&self.block_crcs);
        out.counted(&footer.into_bytes());
    }
}

/// `None` where the writer left the checksums out.
impl Decode for Option<Footer> {
    const RECORD: &'static str = "object map footer";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let bytes = input.counted("footer")?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut footer = Decoder::new("object map footer", bytes);
        Ok(Some(Footer {
            header_crc: footer.field("header_crc")?,
            block_crcs: footer.field("block_crcs")?,
        }))
    }
}

/// The header: the length of what follows, then a versioned struct with the number of objects.
pub(super) fn encode_header(object_count: u64) -> [u8; Layout::HEADER_LENGTH as usize] {
    let mut header = Encoder::default();
    header.versioned(1, 1, |out| {
        out.put(&object_count);
    });
    let mut out = Encoder::default();
    out.counted(&header.into_bytes());
    let bytes = out.into_bytes();
    bytes.try_into().expect("the header's fields have fixed lengths")
}

/// The number of objects, and the checksum of the header as it stands.
pub(super) fn decode_header(input: &mut Decoder<'_>) -> Result<(u64, u32), DecodeError> {
    let bytes = input.counted("header")?;
    let mut header = Decoder::new("object map header", bytes);
    let count = header.versioned("object map header", 1, |input, _| {
        let count = input.field("object count")?;
        if count > MAX_OBJECT_COUNT { Err(input.bad_value(count)) } else { Ok(count) }
    })?;
    Ok((count, checksum(bytes)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::object_map::ObjectState;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn layout_is_where_the_bytes_are(count in 0u64..70_000) {
            let layout = Layout::new(count);
            let bytes = ObjectMap::new(count, ObjectState::Exists).to_bytes();
            prop_assert_eq!(layout.footer_offset() + layout.footer_length(), bytes.len() as u64);
            prop_assert_eq!(Layout::from_header(&bytes).unwrap(), layout);
            let all = layout.blocks(0..count);
            prop_assert_eq!(layout.objects(all.clone()), 0..count);
            let data = layout.bytes(all);
            if count > 0 {
                prop_assert_eq!(data, Layout::HEADER_LENGTH..layout.footer_offset());
            }
        }
    }
}
