//! The row of an object in the metadata: head and clones, each with the places of its blocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use marcot_store::op::Timestamp;
use marcot_store::{CloneInfo, SnapId, SnapSet, Version};

use super::codec::{Damaged, Reader, Writer};
use super::item::{read_ranges, read_snaps, write_ranges, write_snaps};
use crate::object::{BlockMap, Body, CHECKSUM, Object, Omap, Piece};
use crate::units::{BLOCK_BYTES, MAX_OBJECT_BYTES, Run, blocks_for};

/// Whether a row tells of a head, without taking it apart.
pub(crate) fn row_has_head(row: &[u8]) -> bool {
    row.first() == Some(&1)
}

pub(crate) fn encode_object(object: &Object) -> Vec<u8> {
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
    clones.chain(&object.head).for_each(|body| encode_body(&mut writer, body));
    writer.finish()
}

pub(crate) fn decode_object(row: &Bytes) -> Result<Object, Damaged> {
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
        let body = decode_body(&mut reader, row)?;
        clone.size = body.size;
        bodies.insert(clone.id, body);
    }
    let head = if has_head { Some(decode_body(&mut reader, row)?) } else { None };
    if !reader.is_empty() || bodies.len() != clones.len() {
        return Err(Damaged("an object has something left over"));
    }
    let head_size = head.as_ref().map(|head| head.size);
    Ok(Object { head, snaps: SnapSet { seq, clones, head_size }, clones: bodies })
}

fn encode_body(writer: &mut Writer, body: &Body) {
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
        writer.append(|bytes| body.blocks.write_checksums(block, run.count, bytes));
    }
}

/// `row` is what the reader reads: checksums stay in it.
fn decode_body(reader: &mut Reader<'_>, row: &Bytes) -> Result<Body, Damaged> {
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
    for _ in 0..reader.count(7)? {
        let (block, physical) = (reader.number()?, reader.number()?);
        let count = reader.count(4)? as u64;
        let end = block.checked_add(count).ok_or(Damaged("a block lies nowhere"))?;
        if block < next || end > blocks_for(size) || !(2..1 << 50).contains(&physical) {
            return Err(Damaged("a block lies outside its object"));
        }
        let checksums = reader.take(count as usize * CHECKSUM)?;
        blocks.append(block, Run::new(physical, count), &row.slice_ref(checksums));
        next = end;
    }
    debug_assert!(blocks.mapped() * BLOCK_BYTES <= MAX_OBJECT_BYTES);
    Ok(Body { size, version, mtime, xattrs: Arc::new(xattrs), omap, blocks })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::object::BlockRef;

    fn some_body(size: u64) -> Body {
        let mut body = Body { size, version: Version(5), ..Body::default() };
        body.xattrs = Arc::new(BTreeMap::from([("lock".to_owned(), Bytes::from("x"))]));
        for block in [0, 1, 2, 5] {
            body.blocks.set(block, BlockRef { physical: 100 + block, checksum: block as u32 });
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
        let row = Bytes::from(encode_object(&some_object()));
        let read = decode_object(&row).expect("it was just written");
        assert_eq!(format!("{read:?}"), format!("{:?}", some_object()));
        assert!(row_has_head(&row));
    }

    proptest! {
        #[test]
        fn a_damaged_row_is_survived(at in 0usize..200, byte: u8, cut in 0usize..200) {
            let mut row = encode_object(&some_object());
            let at = at % row.len();
            row[at] = byte;
            let mut row = Bytes::from(row);
            let _ = decode_object(&row);
            row.truncate(cut);
            let _ = decode_object(&row);
        }
    }
}
