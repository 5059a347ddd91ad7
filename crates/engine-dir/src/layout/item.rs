//! What a log record does to one object, in the words of its blocks: redo, never undo.

use bytes::Bytes;
use marcot_store::{ObjectId, SnapId};

use super::codec::{Damaged, Reader, Writer};
use super::record::{read_object_id, write_object_id};
use crate::units::{MAX_OBJECT_BYTES, Run, blocks_for};

/// One part of an [`super::ObjectRecord`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// First of all: the snap set's new seq, the clone to make of the head (its id and the
    /// snapshots it serves), and the ranges that the record changes.
    Snapshots {
        seq: SnapId,
        clone: Option<(SnapId, Vec<SnapId>)>,
        modified: Vec<(u64, u64)>,
    },
    /// The head comes to be, empty.
    Create,
    /// The head goes.
    Remove,
    /// Blocks of the object now lie from `physical` on, with these checksums.
    Write {
        block: u64,
        physical: u64,
        checksums: Vec<u32>,
    },
    /// Blocks of the object are holes.
    Hole {
        block: u64,
        count: u64,
    },
    Size {
        bytes: u64,
    },
    SetXattr {
        name: String,
        value: Bytes,
    },
    RemoveXattr {
        name: String,
    },
    OmapSet {
        key: Bytes,
        value: Bytes,
    },
    OmapRemove {
        key: Bytes,
    },
    OmapClear,
    /// Blocks of the object now lie in `run`, which has one owner more.
    Share {
        block: u64,
        run: Run,
    },
    /// The same with the blocks of another object's head or clone, by name: formats 1 and 2.
    ShareOf {
        source: ObjectId,
        clone: Option<SnapId>,
        source_block: u64,
        block: u64,
        count: u64,
    },
    /// The head becomes what a clone of it is.
    Restore {
        clone: SnapId,
    },
    /// Snapshots are gone: clones that serve no other are dropped.
    Trim {
        removed: Vec<SnapId>,
    },
    /// The head, all clones and the object itself are gone (its pool was removed).
    Forget,
}

const MAX_BLOCKS: u64 = MAX_OBJECT_BYTES / crate::units::BLOCK_BYTES;

impl Item {
    pub(super) fn encode(&self, writer: &mut Writer) {
        match self {
            Item::Snapshots { seq, clone, modified } => {
                writer.u8(1);
                writer.number(seq.0);
                write_snaps(writer, clone.as_ref().map_or(&[], |(_, snaps)| snaps));
                writer.number(clone.as_ref().map_or(0, |(id, _)| id.0));
                write_ranges(writer, modified);
            }
            Item::Create => writer.u8(2),
            Item::Remove => writer.u8(3),
            Item::Write { block, physical, checksums } => {
                writer.u8(4);
                writer.number(*block);
                writer.number(*physical);
                writer.number(checksums.len() as u64);
                checksums.iter().for_each(|checksum| writer.u32(*checksum));
            }
            Item::Hole { block, count } => {
                writer.u8(5);
                writer.number(*block);
                writer.number(*count);
            }
            Item::Size { bytes } => {
                writer.u8(6);
                writer.number(*bytes);
            }
            Item::Share { block, run } => {
                writer.u8(16);
                writer.number(*block);
                writer.number(run.start);
                writer.number(run.count);
            }
            Item::ShareOf { source, clone, source_block, block, count } => {
                writer.u8(12);
                write_object_id(writer, source);
                writer.number(clone.map_or(0, |snap| snap.0));
                writer.number(*source_block);
                writer.number(*block);
                writer.number(*count);
            }
            Item::Restore { clone } => {
                writer.u8(13);
                writer.number(clone.0);
            }
            Item::Trim { removed } => {
                writer.u8(14);
                write_snaps(writer, removed);
            }
            Item::Forget => writer.u8(15),
            attribute => attribute.encode_attribute(writer),
        }
    }

    fn encode_attribute(&self, writer: &mut Writer) {
        match self {
            Item::SetXattr { name, value } => {
                writer.u8(7);
                writer.text(name);
                writer.bytes(value);
            }
            Item::RemoveXattr { name } => {
                writer.u8(8);
                writer.text(name);
            }
            Item::OmapSet { key, value } => {
                writer.u8(9);
                writer.bytes(key);
                writer.bytes(value);
            }
            Item::OmapRemove { key } => {
                writer.u8(10);
                writer.bytes(key);
            }
            _ => writer.u8(11),
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Item, Damaged> {
        Ok(match reader.u8()? {
            1 => decode_snapshots(reader)?,
            2 => Item::Create,
            3 => Item::Remove,
            4 => decode_write(reader)?,
            5 => {
                let (block, count) = block_range(reader)?;
                Item::Hole { block, count }
            }
            6 => {
                let bytes = reader.number()?;
                if bytes > MAX_OBJECT_BYTES {
                    return Err(Damaged("an object is too large"));
                }
                Item::Size { bytes }
            }
            7 => Item::SetXattr { name: reader.text()?.to_owned(), value: reader.bytes()? },
            8 => Item::RemoveXattr { name: reader.text()?.to_owned() },
            9 => Item::OmapSet { key: reader.bytes()?, value: reader.bytes()? },
            10 => Item::OmapRemove { key: reader.bytes()? },
            11 => Item::OmapClear,
            12 => {
                let source = read_object_id(reader)?;
                let clone = Some(SnapId(reader.number()?)).filter(|snap| snap.0 != 0);
                let source_block = reader.number()?;
                let (block, count) = block_range(reader)?;
                if source_block.checked_add(count).is_none_or(|end| end > MAX_BLOCKS) {
                    return Err(Damaged("a shared range lies outside its source"));
                }
                Item::ShareOf { source, clone, source_block, block, count }
            }
            13 => Item::Restore { clone: SnapId(reader.number()?) },
            14 => Item::Trim { removed: read_snaps(reader)? },
            15 => Item::Forget,
            16 => {
                let (block, start, count) = (reader.number()?, reader.number()?, reader.number()?);
                check_place(block, start, count)?;
                Item::Share { block, run: Run::new(start, count) }
            }
            _ => return Err(Damaged("a record does what nobody knows")),
        })
    }
}

fn decode_snapshots(reader: &mut Reader<'_>) -> Result<Item, Damaged> {
    let seq = SnapId(reader.number()?);
    let snaps = read_snaps(reader)?;
    let id = SnapId(reader.number()?);
    let modified = read_ranges(reader)?;
    Ok(Item::Snapshots { seq, clone: (!snaps.is_empty()).then_some((id, snaps)), modified })
}

fn decode_write(reader: &mut Reader<'_>) -> Result<Item, Damaged> {
    let (block, physical) = (reader.number()?, reader.number()?);
    let count = reader.count(4)?;
    check_place(block, physical, count as u64)?;
    let checksums = (0..count).map(|_| reader.u32()).collect::<Result<_, _>>()?;
    Ok(Item::Write { block, physical, checksums })
}

fn check_place(block: u64, physical: u64, count: u64) -> Result<(), Damaged> {
    let end = block.checked_add(count);
    if end.is_none_or(|end| end > MAX_BLOCKS) || !(2..=1 << 50).contains(&physical) {
        return Err(Damaged("blocks lie outside their object or the store"));
    }
    Ok(())
}

fn block_range(reader: &mut Reader<'_>) -> Result<(u64, u64), Damaged> {
    let (block, count) = (reader.number()?, reader.number()?);
    match block.checked_add(count) {
        Some(end) if end <= blocks_for(MAX_OBJECT_BYTES) => Ok((block, count)),
        _ => Err(Damaged("a range lies outside its object")),
    }
}

pub(super) fn write_snaps(writer: &mut Writer, snaps: &[SnapId]) {
    writer.number(snaps.len() as u64);
    snaps.iter().for_each(|snap| writer.number(snap.0));
}

pub(super) fn read_snaps(reader: &mut Reader<'_>) -> Result<Vec<SnapId>, Damaged> {
    (0..reader.count(1)?).map(|_| Ok(SnapId(reader.number()?))).collect()
}

pub(super) fn write_ranges(writer: &mut Writer, ranges: &[(u64, u64)]) {
    writer.number(ranges.len() as u64);
    for (offset, length) in ranges {
        writer.number(*offset);
        writer.number(*length);
    }
}

pub(super) fn read_ranges(reader: &mut Reader<'_>) -> Result<Vec<(u64, u64)>, Damaged> {
    let mut ranges = Vec::with_capacity(reader.count(2)?);
    for _ in 0..ranges.capacity() {
        let (offset, length) = (reader.number()?, reader.number()?);
        offset.checked_add(length).ok_or(Damaged("a range ends nowhere"))?;
        ranges.push((offset, length));
    }
    Ok(ranges)
}
