//! Who owned an image when entries were written: `tag_<number>`.

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// A tag that entries carry (`cls::journal::Tag`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalTag {
    pub tid: u64,
    pub class: u64,
    /// As [`JournalTagData`].
    pub data: Vec<u8>,
}

impl Encode for JournalTag {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.tid).put(&self.class).counted(&self.data);
        });
    }
}

impl Decode for JournalTag {
    const RECORD: &'static str = "journal tag";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(JournalTag {
                tid: input.field("tid")?,
                class: input.field("tag_class")?,
                data: input.counted("data")?.to_vec(),
            })
        })
    }
}

/// The data of a tag (`librbd::journal::TagData`), without an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalTagData {
    /// The site that owns the image; empty for this one.
    pub mirror_uuid: String,
    pub predecessor: TagPredecessor,
}

/// Where the owner before stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPredecessor {
    pub mirror_uuid: String,
    /// Whether the numbers mean anything.
    pub commit_valid: bool,
    pub tag_tid: u64,
    pub entry_tid: u64,
}

impl Encode for JournalTagData {
    fn encode(&self, out: &mut Encoder) {
        let before = &self.predecessor;
        out.put(&self.mirror_uuid).put(&before.mirror_uuid).put(&before.commit_valid);
        out.put(&before.tag_tid).put(&before.entry_tid);
    }
}

impl Decode for JournalTagData {
    const RECORD: &'static str = "journal tag data";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(JournalTagData {
            mirror_uuid: input.field("mirror_uuid")?,
            predecessor: TagPredecessor {
                mirror_uuid: input.field("predecessor's mirror_uuid")?,
                commit_valid: input.field("commit_valid")?,
                tag_tid: input.field("tag_tid")?,
                entry_tid: input.field("entry_tid")?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(tid: u64, class: u64, uuid: String, commit_valid: bool) {
            let predecessor = TagPredecessor {
                mirror_uuid: uuid.clone(), commit_valid, tag_tid: tid, entry_tid: class,
            };
            let data = JournalTagData { mirror_uuid: uuid, predecessor };
            let tag = JournalTag { tid, class, data: data.to_bytes() };
            prop_assert_eq!(JournalTag::from_bytes(&tag.to_bytes()).unwrap(), tag);
            prop_assert_eq!(JournalTagData::from_bytes(&data.to_bytes()).unwrap(), data);
        }
    }
}
