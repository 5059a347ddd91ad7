//! Bytes of the store file and of the metadata rows, to and from typed values.
//!
//! docs/formats/store-file.md is the norm. Decoders are given hostile bytes: they check every
//! length before they use it, and nothing they answer is larger than what they were given.

mod cluster_change;
mod cluster_row;
mod codec;
mod frame;
mod item;
mod key;
mod object_row;
mod record;
mod superblock;

pub(crate) use cluster_change::ClusterItem;
pub(crate) use cluster_row::{RowFormat, SuperRow};
pub(crate) use codec::{Damaged, Reader, Writer};
pub(crate) use frame::{FRAME_HEADER, Frame, Seal, encode as encode_frame, peek};
pub(crate) use item::Item;
pub(crate) use key::{decode_object_key, object_key, omap_key, pool_prefix};
#[cfg(test)]
pub(crate) use object_row::encode_object_with_checksums;
pub(crate) use object_row::{
    decode_object, decode_object_with_checksums, encode_object, row_has_head,
};
pub(crate) use record::{ObjectRecord, Record};
pub(crate) use superblock::{LogPointer, Superblock};
