//! Images of format 1: the data of `<name>.rbd`, and the list of names in `rbd_directory`.
//!
//! Packed fields, no versions: a text that tells what it is, the data objects' prefix, size and
//! order, then the snapshots, newest first, and behind them their names in the same order.

use crate::wire::{Decode, DecodeError, DecodeProblem, Decoder, Encode, Encoder};

/// What the header of an image begins with, in 40 bytes.
pub const TEXT: &[u8] = b"<<< Rados Block Device Image >>>\n";
/// What it begins with while the image is moved elsewhere: old clients then refuse it.
pub const MIGRATING_TEXT: &[u8] = b"<<< Migrating RBD Image      >>>\n";
const SIGNATURE: &[u8; 4] = b"RBD\0";
const VERSION: &[u8; 8] = b"001.005\0";
const TEXT_LENGTH: usize = 40;
const PREFIX_LENGTH: usize = 24;
/// Where a header has its image's size, in bytes from its beginning.
pub const SIZE_OFFSET: u64 = 80;
/// The longest name of data objects, without its end.
pub const MAX_BLOCK_NAME_LENGTH: usize = PREFIX_LENGTH - 1;

/// A header of format 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format1Header {
    pub migrating: bool,
    /// What data objects are called, up to a dot and 12 hex digits. At most 23 bytes.
    pub block_name: String,
    pub order: u8,
    /// In bytes.
    pub size: u64,
    /// The newest snapshot id that ever was.
    pub snap_seq: u64,
    /// Newest first.
    pub snapshots: Vec<Format1Snapshot>,
}

/// A snapshot of an image of format 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format1Snapshot {
    pub id: u64,
    /// The image's size at the time, in bytes.
    pub size: u64,
    /// Without a zero byte.
    pub name: String,
}

/// A data object of an image of format 1.
pub fn data_object(block_name: &str, object_number: u64) -> String {
    format!("{block_name}.{object_number:012x}")
}

/// Bytes in a field of fixed length, filled up with zeros.
fn put_padded(out: &mut Encoder, bytes: &[u8], length: usize) {
    assert!(bytes.len() <= length, "{} bytes for a field of {length}", bytes.len());
    out.raw(bytes).raw(&vec![0; length - bytes.len()]);
}

/// The bytes of a field up to the first zero.
fn unpadded(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn text(input: &Decoder<'_>, bytes: &[u8]) -> Result<String, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| input.error(DecodeProblem::NotUtf8))?;
    Ok(text.to_owned())
}

impl Encode for Format1Header {
    fn encode(&self, out: &mut Encoder) {
        let begin = if self.migrating { MIGRATING_TEXT } else { TEXT };
        put_padded(out, begin, TEXT_LENGTH);
        put_padded(out, self.block_name.as_bytes(), PREFIX_LENGTH);
        out.raw(SIGNATURE).raw(VERSION);
        // Encryption and compression never came to be.
        out.put(&self.order).raw(&[0; 3]);
        let names_length: usize = self.snapshots.iter().map(|snap| snap.name.len() + 1).sum();
        out.put(&self.size).put(&self.snap_seq).count(self.snapshots.len());
        out.put(&0u32).put(&(names_length as u64));
        for snapshot in &self.snapshots {
            out.put(&snapshot.id).put(&snapshot.size);
        }
        for snapshot in &self.snapshots {
            out.raw(snapshot.name.as_bytes()).raw(&[0]);
        }
    }
}

impl Decode for Format1Header {
    const RECORD: &'static str = "header of format 1";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let begin = input.array::<TEXT_LENGTH>()?;
        let migrating = begin.starts_with(MIGRATING_TEXT);
        if !migrating && !begin.starts_with(TEXT) {
            return Err(input.bad_value(begin[0]));
        }
        let prefix = input.array::<PREFIX_LENGTH>()?;
        let block_name = text(input, unpadded(&prefix))?;
        let signature = input.array::<4>()?;
        if signature != *SIGNATURE {
            return Err(input.bad_value(u32::from_le_bytes(signature)));
        }
        input.array::<8>()?;
        let order = input.field("order")?;
        input.array::<3>()?;
        let size = input.field("image_size")?;
        let snap_seq = input.field("snap_seq")?;
        let count: u32 = input.field("snap_count")?;
        input.field::<u32>("reserved")?;
        let names_length: u64 = input.field("snap_names_len")?;
        let mut pairs = Decoder::new(Self::RECORD, input.take(16 * u64::from(count))?);
        let mut names = input.take(names_length)?.split(|byte| *byte == 0);
        let mut snapshots = Vec::new();
        for _ in 0..count {
            let (id, size) = (pairs.field("snap id")?, pairs.field("snap size")?);
            let name = text(input, names.next().unwrap_or_default())?;
            snapshots.push(Format1Snapshot { id, size, name });
        }
        Ok(Format1Header { migrating, block_name, order, size, snap_seq, snapshots })
    }
}

/// What `snap_list` returns of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format1SnapshotList {
    pub snap_seq: u64,
    /// Newest first.
    pub snapshots: Vec<Format1Snapshot>,
}

impl Encode for Format1SnapshotList {
    fn encode(&self, out: &mut Encoder) {
        out.put(&self.snap_seq).count(self.snapshots.len());
        for snapshot in &self.snapshots {
            out.put(&snapshot.id).put(&snapshot.size).put(&snapshot.name);
        }
    }
}

impl Decode for Format1SnapshotList {
    const RECORD: &'static str = "result of rbd.snap_list";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let snap_seq = input.field("snap_seq")?;
        let count = input.count()?;
        let snapshot = |_| {
            Ok(Format1Snapshot {
                id: input.field("snap id")?,
                size: input.field("snap size")?,
                name: input.field("snap name")?,
            })
        };
        let snapshots = (0..count).map(snapshot).collect::<Result<_, _>>()?;
        Ok(Format1SnapshotList { snap_seq, snapshots })
    }
}

/// The names of a pool's images of format 1: the data of `rbd_directory`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format1Directory {
    pub names: Vec<String>,
}

impl Encode for Format1Directory {
    fn encode(&self, out: &mut Encoder) {
        out.put(&0u32).count(self.names.len());
        for name in &self.names {
            out.put(name).put(&0u32);
        }
    }
}

impl Decode for Format1Directory {
    const RECORD: &'static str = "directory of format 1";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.counted("header")?;
        let count = input.count()?;
        let mut names = Vec::new();
        for _ in 0..count {
            names.push(input.field("name")?);
            input.counted("value")?;
        }
        Ok(Format1Directory { names })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hostile::{hex, unhex};

    const STORED: &str = "3c3c3c205261646f7320426c6f636b2044657669636520496d616765203e3e3e0a\
        00000000000000 72622e302e323538352e3662386234353637 000000000000 52424400 \
        3030312e30303500 16000000 0000800000000000 2e00000000000000 02000000 00000000 \
        0500000000000000 2e00000000000000 0000800000000000 2d00000000000000 0000800000000000 \
        626200 6100";

    fn stored() -> Format1Header {
        let snapshot =
            |id, name: &str| Format1Snapshot { id, size: 8 << 20, name: name.to_owned() };
        Format1Header {
            migrating: false,
            block_name: "rb.0.2585.6b8b4567".to_owned(),
            order: 22,
            size: 8 << 20,
            snap_seq: 0x2e,
            snapshots: vec![snapshot(0x2e, "bb"), snapshot(0x2d, "a")],
        }
    }

    #[test]
    fn bytes_are_those_of_librbd() {
        assert_eq!(hex(&stored().to_bytes()), hex(&unhex(STORED)));
        assert_eq!(Format1Header::from_bytes(&unhex(STORED)).unwrap(), stored());
        let size = SIZE_OFFSET as usize..SIZE_OFFSET as usize + 8;
        assert_eq!(stored().to_bytes()[size], stored().size.to_le_bytes());
        assert_eq!(data_object("rb.0.2585.6b8b4567", 31), "rb.0.2585.6b8b4567.00000000001f");
        let directory = Format1Directory { names: vec!["fmt-v1".to_owned()] };
        let bytes = unhex("00000000 01000000 06000000 666d742d7631 00000000");
        assert_eq!(directory.to_bytes(), bytes);
        assert_eq!(Format1Directory::from_bytes(&bytes).unwrap(), directory);
    }

    #[test]
    fn a_migrating_header_has_another_text() {
        let migrating = Format1Header { migrating: true, ..stored() };
        assert_eq!(Format1Header::from_bytes(&migrating.to_bytes()).unwrap(), migrating);
        let mut foreign = stored().to_bytes();
        foreign[4] ^= 1;
        assert!(Format1Header::from_bytes(&foreign).is_err());
    }

    proptest! {
        #[test]
        fn round_trip(
            snapshots in proptest::collection::vec((any::<u64>(), any::<u64>(), "[^\0]{0,9}"), 0..9)
        ) {
            let snapshots = snapshots.into_iter();
            let snapshots = snapshots.map(|(id, size, name)| Format1Snapshot { id, size, name });
            let header = Format1Header { snapshots: snapshots.collect(), ..stored() };
            prop_assert_eq!(Format1Header::from_bytes(&header.to_bytes()).unwrap(), header);
        }

        #[test]
        fn hostile_bytes_do_not_panic(bytes: Vec<u8>, at in 0usize..149, flip: u8) {
            let _ = Format1Header::from_bytes(&bytes);
            let _ = Format1Directory::from_bytes(&bytes);
            let mut near = stored().to_bytes();
            near[at] ^= flip;
            let _ = Format1Header::from_bytes(&near);
            let _ = Format1Header::from_bytes(&near[..at]);
        }
    }
}
