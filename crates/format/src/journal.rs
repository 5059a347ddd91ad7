//! The journal of an image with the feature journaling: the omap of `journal.<image id>`, and the
//! entries in `journal_data.<pool id>.<image id>.<n>`. docs/formats/journal.md.

mod client;
mod client_data;
mod entry;
mod event;
mod tag;

pub use client::{JournalClient, JournalClientState, ObjectPosition, ObjectSetPosition};
pub use client_data::{JournalClientData, MirrorPeerClient, MirrorPeerState, SyncPoint};
pub use entry::JournalEntry;
pub use event::{Event, EventSnapshot, JournalEvent};
pub use tag::{JournalTag, JournalTagData, TagPredecessor};

/// The objects that entries go to are 2^order bytes: u8.
pub const ORDER: &str = "order";
/// How many objects are written to in turn: u8.
pub const SPLAY_WIDTH: &str = "splay_width";
/// Where the entries are, -1 for beside the journal: i64.
pub const POOL_ID: &str = "pool_id";
/// The oldest set of objects that is still needed: u64.
pub const MINIMUM_SET: &str = "minimum_set";
/// The set of objects that is written to: u64.
pub const ACTIVE_SET: &str = "active_set";
/// The number of the next tag: u64.
pub const NEXT_TAG_TID: &str = "next_tag_tid";
/// The number of the next class of tags: u64.
pub const NEXT_TAG_CLASS: &str = "next_tag_class";
/// In front of a client's id; the value is a [`JournalClient`]. The image itself has an empty id.
pub const CLIENT_PREFIX: &str = "client_";
/// In front of a tag's number; the value is a [`JournalTag`].
pub const TAG_PREFIX: &str = "tag_";

/// The id of the image itself among the journal's clients.
pub const IMAGE_CLIENT: &str = "";
/// The smallest and greatest order.
pub const ORDERS: std::ops::RangeInclusive<u8> = 12..=26;

/// Where a client is kept.
pub fn client_key(id: &str) -> String {
    format!("{CLIENT_PREFIX}{id}")
}

/// Where a tag is kept.
pub fn tag_key(tid: u64) -> String {
    format!("{TAG_PREFIX}{tid:016x}")
}

/// An object of entries. The pool is that of the journal.
pub fn data_object(pool_id: i64, image_id: &str, object_number: u64) -> String {
    format!("journal_data.{pool_id}.{image_id}.{object_number}")
}
