//! Who reads or writes a journal, and how far they are: `client_<id>`.

use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// A client of a journal (`cls::journal::Client`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalClient {
    /// Empty for the image itself.
    pub id: String,
    /// Of the client's own, as [`JournalClientData`](super::JournalClientData).
    pub data: Vec<u8>,
    /// The last entries that the client is done with, one for each object of a set, the newest
    /// first.
    pub commit_position: Vec<ObjectPosition>,
    pub state: JournalClientState,
}

numbered! {
    /// Whether the journal waits for a client.
    JournalClientState: u8, "journal client state" {
        Connected = 0,
        Disconnected = 1,
    }
}

/// An entry, by the object it is in (`cls::journal::ObjectPosition`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectPosition {
    pub object_number: u64,
    pub tag_tid: u64,
    pub entry_tid: u64,
}

/// Positions as they stand in a client (`cls::journal::ObjectSetPosition`): in an envelope of their
/// own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSetPosition(pub Vec<ObjectPosition>);

impl Encode for ObjectPosition {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.object_number).put(&self.tag_tid).put(&self.entry_tid);
        });
    }
}

impl Decode for ObjectPosition {
    const RECORD: &'static str = "ObjectPosition";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(ObjectPosition {
                object_number: input.field("object_number")?,
                tag_tid: input.field("tag_tid")?,
                entry_tid: input.field("entry_tid")?,
            })
        })
    }
}

impl Encode for ObjectSetPosition {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            out.put(&self.0);
        });
    }
}

impl Decode for ObjectSetPosition {
    const RECORD: &'static str = "ObjectSetPosition";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(ObjectSetPosition(input.field("object_positions")?))
        })
    }
}

impl Encode for JournalClient {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(1, 1, |out| {
            let position = ObjectSetPosition(self.commit_position.clone());
            out.put(&self.id).counted(&self.data).put(&position).put(&self.state);
        });
    }
}

impl Decode for JournalClient {
    const RECORD: &'static str = "journal client";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.versioned(Self::RECORD, 1, |input, _| {
            Ok(JournalClient {
                id: input.field("id")?,
                data: input.counted("data")?.to_vec(),
                commit_position: input.field::<ObjectSetPosition>("commit_position")?.0,
                state: input.field("state")?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(id: String, data: Vec<u8>, positions: Vec<(u64, u64, u64)>) {
            let positions = positions.into_iter().map(|(object_number, tag_tid, entry_tid)| {
                ObjectPosition { object_number, tag_tid, entry_tid }
            });
            let client = JournalClient {
                id, data, commit_position: positions.collect(),
                state: JournalClientState::Disconnected,
            };
            prop_assert_eq!(JournalClient::from_bytes(&client.to_bytes()).unwrap(), client);
        }
    }
}
