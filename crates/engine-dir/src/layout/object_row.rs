//! The row of an object in the metadata: head and clones, each with the places of its blocks. Rows
//! of formats 1 and 2 have the blocks' checksums as well.

use std::collections::BTreeMap;
use std::sync::Arc;

use marcot_store::op::Timestamp;
use marcot_store::{CloneInfo, SnapId, SnapSet, Version};

use super::codec::{Damaged, Reader, Writer};
use super::item::{read_ranges, read_snaps, write_ranges, write_snaps};
use crate::object::{BlockMap, Body, Object, Omap, Piece};
use crate::units::{BLOCK_BYTES, MAX_OBJECT_BYTES, Run, blocks_for};

/// Whether a row tells of a head, without taking it apart.
pub(crate) fn row_has_head(row: &[u8]) -> bool {
    row.first() == Some(&1)
}

pub(crate) fn encode_object(object: &Object) -> Vec<u8> {
    encode(object, |_, _| {})
}

/// A row as formats 1 and 2 have it.
#[cfg(test)]
pub(crate) fn encode_object_with_checksums(
    object: &Object,
    checksums: impl Fn(Run) -> Vec<u32>,
) -> Vec<u8> {
    encode(object, |writer, run| checksums(run).into_iter().for_each(|sum| writer.u32(sum)))
}

/// `behind` adds what follows the place of some blocks.
fn encode(object: &Object, behind: impl Fn(&mut Writer, Run)) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.u8(u8::from(object.head.is_some()));
    writer.number(object.snaps.seq.0);
    writer.number(object.snaps.clones.len() as u64);
    for clone in &object.snaps.clones {
        writer.number(clone.id.0);
        write_snaps(&mut writer, &clone.snaps);
        write_ranges(&mut writer, &clone.overlap);
    }
    let clones = object.snaps.clones.iter().filter_map(|clone| object.clones.get(&clone.id));
    clones.chain(&object.head).for_each(|body| encode_body(&mut writer, body, &behind));
    writer.finish()
}

pub(crate) fn decode_object(row: &[u8]) -> Result<Object, Damaged> {
    decode(row, None)
}

/// The checksums of adjacent blocks of the store file.
pub(crate) type RunChecksums = (Run, Vec<u32>);

/// A row of format 1 or 2, and the checksums in it.
pub(crate) fn decode_object_with_checksums(
    row: &[u8],
) -> Result<(Object, Vec<RunChecksums>), Damaged> {
    let mut checksums = Vec::new();
    let object = decode(row, Some(&mut checksums))?;
    Ok((object, checksums))
}

type InRow<'c> = Option<&'c mut Vec<RunChecksums>>;

fn decode(row: &[u8], mut checksums: InRow<'_>) -> Result<Object, Damaged> {
    let mut reader = Reader::new(row);
    let has_head = reader.u8()? == 1;
    let seq = SnapId(reader.number()?);
    let mut clones = Vec::with_capacity(reader.count(3)?);
    for _ in 0..clones.capacity() {
        let id = SnapId(reader.number()?);
        let (snaps, overlap) = (read_snaps(&mut reader)?, read_ranges(&mut reader)?);
        clones.push(CloneInfo { id, snaps, size: 0, overlap });
    }
    let mut bodies = BTreeMap::new();
    for clone in &mut clones {
        let body = decode_body(&mut reader, checksums.as_deref_mut())?;
        clone.size = body.size;
        bodies.insert(clone.id, body);
    }
    let head = if has_head { Some(decode_body(&mut reader, checksums)?) } else { None };
    if !reader.is_empty() || bodies.len() != clones.len() {
        return Err(Damaged("an object has something left over"));
    }
    let head_size = head.as_ref().map(|head| head.size);
    Ok(Object { head, snaps: SnapSet { seq, clones, head_size }, clones: bodies })
}

fn encode_body(writer: &mut Writer, body: &Body, behind: impl Fn(&mut Writer, Run)) {
    writer.number(body.size);
    writer.number(body.version.0);
    writer.u32(body.mtime.seconds);
    writer.u32(body.mtime.nanoseconds);
    writer.number(body.omap.number);
    writer.number(body.xattrs.len() as u64);
    for (name, value) in body.xattrs.iter() {
        writer.text(name);
        writer.bytes(value);
    }
    let pieces = body.blocks.pieces();
    writer.number(pieces.len() as u64);
    for Piece { block, run } in pieces {
        writer.number(block);
        writer.number(run.start);
        writer.number(run.count);
        behind(writer, run);
    }
}

fn decode_body(reader: &mut Reader<'_>, mut checksums: InRow<'_>) -> Result<Body, Damaged> {
    let size = reader.number()?;
    if size > MAX_OBJECT_BYTES {
        return Err(Damaged("an object is too large"));
    }
    let version = Version(reader.number()?);
    let mtime = Timestamp { seconds: reader.u32()?, nanoseconds: reader.u32()? };
    let number = reader.number()?;
    let omap = Omap { number, stored: number != 0, changed: Arc::default() };
    let mut xattrs = BTreeMap::new();
    for _ in 0..reader.count(2)? {
        let name = reader.text()?.to_owned();
        xattrs.insert(name, reader.bytes()?);
    }
    let mut blocks = BlockMap::default();
    let mut next = 0;
    for _ in 0..reader.count(3)? {
        let (block, physical, count) = (reader.number()?, reader.number()?, reader.number()?);
        let end = block.checked_add(count).ok_or(Damaged("a block lies nowhere"))?;
        if block < next || end > blocks_for(size) || !(2..1 << 50).contains(&physical) {
            return Err(Damaged("a block lies outside its object"));
        }
        let run = Run::new(physical, count);
        blocks.put(block, run);
        if let Some(checksums) = &mut checksums {
            let of_run = (0..count).map(|_| reader.u32()).collect::<Result<_, _>>()?;
            checksums.push((run, of_run));
        }
        next = end;
    }
    debug_assert!(blocks.mapped() * BLOCK_BYTES <= MAX_OBJECT_BYTES);
    Ok(Body { size, version, mtime, xattrs: Arc::new(xattrs), omap, blocks })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    fn some_body(size: u64) -> Body {
        let mut body = Body { size, version: Version(5), ..Body::default() };
        body.xattrs = Arc::new(BTreeMap::from([("lock".to_owned(), Bytes::from("x"))]));
        for block in [0, 1, 2, 5] {
            body.blocks.put(block, Run::new(100 + block, 1));
        }
        body
    }

    fn some_object() -> Object {
        let (id, snaps) = (SnapId(4), vec![SnapId(3), SnapId(4)]);
        let clone = CloneInfo { id, snaps, size: 30000, overlap: vec![(0, 10), (20, 5)] };
        Object {
            head: Some(some_body(24576)),
            snaps: SnapSet { seq: id, clones: vec![clone], head_size: Some(24576) },
            clones: BTreeMap::from([(id, some_body(30000))]),
        }
    }

    #[test]
    fn a_row_reads_what_it_wrote() {
        let row = encode_object(&some_object());
        let read = decode_object(&row).expect("it was just written");
        assert_eq!(format!("{read:?}"), format!("{:?}", some_object()));
        assert!(row_has_head(&row));
    }

    #[test]
    fn a_row_with_checksums_reads_what_it_wrote() {
        let sums = |run: Run| (run.start..run.end()).map(|block| block as u32 * 3).collect();
        let row = encode_object_with_checksums(&some_object(), sums);
        let (read, in_row) = decode_object_with_checksums(&row).expect("it was just written");
        assert_eq!(format!("{read:?}"), format!("{:?}", some_object()));
        let (first, last) = (Run::new(100, 3), Run::new(105, 1));
        let expected = [(first, vec![300, 303, 306]), (last, vec![315])];
        assert_eq!(in_row, [expected.clone(), expected].concat());
    }

    proptest! {
        #[test]
        fn a_damaged_row_is_survived(at in 0usize..200, byte: u8, cut in 0usize..200) {
            let mut row = encode_object(&some_object());
            let at = at % row.len();
            row[at] = byte;
            let _ = (decode_object(&row), decode_object_with_checksums(&row));
            row.truncate(cut);
            let _ = (decode_object(&row), decode_object_with_checksums(&row));
        }
    }
}
