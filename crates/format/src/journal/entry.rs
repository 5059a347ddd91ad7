//! An entry in an object of a journal.

use crate::object_map::checksum;
use crate::wire::{Decode, DecodeError, DecodeProblem, Decoder, Encode, Encoder};

/// One event with its place in the order of things (`journal::Entry`). An object holds them one
/// after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    pub entry_tid: u64,
    pub tag_tid: u64,
    /// As [`JournalEvent`](super::JournalEvent).
    pub data: Vec<u8>,
}

/// What an entry begins with.
const PREAMBLE: u64 = 0x3141_5926_5358_9793;
const VERSION: u8 = 1;

impl JournalEntry {
    fn encode_unchecked(&self, out: &mut Encoder) {
        out.put(&PREAMBLE).put(&VERSION).put(&self.entry_tid).put(&self.tag_tid);
        out.counted(&self.data);
    }

    fn checksum(&self) -> u32 {
        let mut out = Encoder::default();
        self.encode_unchecked(&mut out);
        checksum(&out.into_bytes())
    }
}

impl Encode for JournalEntry {
    fn encode(&self, out: &mut Encoder) {
        self.encode_unchecked(out);
        out.put(&self.checksum());
    }
}

impl Decode for JournalEntry {
    const RECORD: &'static str = "journal entry";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let preamble: u64 = input.field("preamble")?;
        if preamble != PREAMBLE {
            return Err(input.bad_value(preamble));
        }
        let version: u8 = input.field("version")?;
        if version != VERSION {
            return Err(input.bad_value(version));
        }
        let entry = JournalEntry {
            entry_tid: input.field("entry_tid")?,
            tag_tid: input.field("tag_tid")?,
            data: input.counted("data")?.to_vec(),
        };
        let stored: u32 = input.field("crc")?;
        let computed = entry.checksum();
        if stored != computed {
            return Err(input.error(DecodeProblem::Checksum { stored, computed }));
        }
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(entry_tid: u64, tag_tid: u64, data: Vec<u8>, at: usize, bit in 0u8..8) {
            let entry = JournalEntry { entry_tid, tag_tid, data };
            let mut bytes = entry.to_bytes();
            prop_assert_eq!(JournalEntry::from_bytes(&bytes).unwrap(), entry);
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(JournalEntry::from_bytes(&bytes).is_err());
        }
    }
}
