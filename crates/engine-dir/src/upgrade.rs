//! A checkpoint of format 1 or 2 becomes one of format 3: checksums move from the rows of objects to
//! rows of their own.
//!
//! Done once, at the first open, in batches: each is durable with the key that it came to, so that
//! an open that was cut short is gone on with. Before it the superblock says format 3, durably:
//! versions that do not know it must not see rows that they would misread.

use std::ops::Bound;

use crate::device::Device;
use crate::layout::{RowFormat, SuperRow, Superblock, decode_object_with_checksums, encode_object};
use crate::meta::{MetaChange, MetaError, MetaStore, Table};
use crate::recovery::RecoverError;
use crate::space::Checksums;
use crate::units::BLOCK_BYTES;

/// Objects in one batch.
const BATCH: usize = 1024;
/// Where the key of the last object that has been moved stands, in the table of the super row.
const CURSOR: &[u8] = b"moved";

/// Brings the rows of a checkpoint up to date, if they are not.
pub(crate) fn upgrade(
    device: &dyn Device,
    superblock: &mut Superblock,
    (meta, row): (&dyn MetaStore, &mut SuperRow),
) -> Result<(), RecoverError> {
    if row.format == RowFormat::ChecksumsByBlock {
        return Ok(());
    }
    tracing::info!("the store is brought to format 3");
    claim(device, superblock)?;
    let mut after = meta.get(Table::Super, CURSOR)?.map(|key| key.to_vec());
    while let Some(last) = move_batch(meta, after.take(), row.seq)? {
        after = Some(last);
    }
    row.format = RowFormat::ChecksumsByBlock;
    let value = row.encode();
    let cursor = MetaChange::Delete { table: Table::Super, key: CURSOR.to_vec() };
    meta.commit(vec![cursor, MetaChange::Put { table: Table::Super, key: Vec::new(), value }])?;
    Ok(())
}

/// Writes the superblock anew: that alone makes it one of this format.
fn claim(device: &dyn Device, superblock: &mut Superblock) -> std::io::Result<()> {
    // The one in use may only be in the cache, and must not be spoilt together with the other.
    device.sync()?;
    superblock.generation += 1;
    device.write_at(superblock.generation % 2 * BLOCK_BYTES, &superblock.encode())?;
    device.sync()
}

/// Moves the checksums of the next objects; yields the key of the last one.
fn move_batch(
    meta: &dyn MetaStore,
    after: Option<Vec<u8>>,
    seq: u64,
) -> Result<Option<Vec<u8>>, MetaError> {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    let objects = meta.range(Table::Objects, from, &[], BATCH)?;
    let Some(last) = objects.last().map(|(key, _)| key.to_vec()) else { return Ok(None) };
    // Of blocks that several objects share each has the same checksum.
    let checksums = Checksums::new(None);
    let mut changes = Vec::with_capacity(objects.len());
    for (key, row) in objects {
        let (object, in_row) = decode_object_with_checksums(&row)?;
        for (run, sums) in in_row {
            checksums.set(run, &sums, seq.max(1));
        }
        let (key, value) = (key.to_vec(), encode_object(&object));
        changes.push(MetaChange::Put { table: Table::Objects, key, value });
    }
    checksums.freeze().rows(meta, &mut changes)?;
    let (key, value) = (CURSOR.to_vec(), last.clone());
    changes.push(MetaChange::Put { table: Table::Super, key, value });
    meta.commit(changes)?;
    Ok(Some(last))
}
