//! Checkpoints: the state frozen under the lock, stored without it, taken note of under it again.

use std::sync::Arc;

use marcot_store::{ObjectId, StoreError};

use super::Core;
use crate::layout::{LogPointer, RowFormat, SuperRow, Superblock};
use crate::meta::{MetaChange, MetaError, MetaStore, Table};
use crate::object::Object;
use crate::space::FrozenChecksums;
use crate::state::object_rows;
use crate::units::{BLOCK_BYTES, Run};

/// Everything that changed since the last checkpoint, as it was at one record.
#[derive(Debug)]
pub(crate) struct Frozen {
    /// Where the log stood.
    pub pointer: LogPointer,
    objects: Vec<(ObjectId, Arc<Object>)>,
    space: Vec<MetaChange>,
    checksums: FrozenChecksums,
    super_row: SuperRow,
    dropped_omaps: Vec<u64>,
}

impl Frozen {
    /// The rows to store; `meta` is the last checkpoint.
    pub(crate) fn rows(&self, meta: &dyn MetaStore) -> Result<Vec<MetaChange>, MetaError> {
        let mut rows = object_rows(&self.objects, self.pointer.seq);
        self.checksums.rows(meta, &mut rows)?;
        rows.extend(self.space.iter().cloned());
        rows.extend(self.dropped_omaps.iter().map(|number| MetaChange::DeletePrefix {
            table: Table::Omap,
            prefix: number.to_be_bytes().to_vec(),
        }));
        let value = self.super_row.encode();
        rows.push(MetaChange::Put { table: Table::Super, key: Vec::new(), value });
        Ok(rows)
    }
}

impl Core {
    /// What a checkpoint made now has to store.
    pub(crate) fn freeze(&mut self) -> Result<Frozen, StoreError> {
        self.check_writable()?;
        self.log.seal();
        let pointer = self.log.end();
        let elsewhere = self.blocks_without_object();
        let space = self.state.space.freeze(&elsewhere);
        let (pages, frontier) = self.state.space.bitmap.summary();
        let super_row = SuperRow {
            store: self.superblock.store,
            seq: pointer.seq,
            cluster: self.state.cluster.clone(),
            pages: pages.clone(),
            frontier,
            format: RowFormat::ChecksumsByBlock,
        };
        let dropped_omaps = std::mem::take(&mut self.state.dropped_omaps);
        let objects = self.state.objects.frozen();
        let checksums = self.state.checksums.freeze();
        Ok(Frozen { pointer, objects, space, checksums, super_row, dropped_omaps })
    }

    /// Blocks in use that no object names.
    pub(crate) fn blocks_without_object(&self) -> Vec<Run> {
        let mut blocks = self.log.blocks();
        blocks.extend(&self.punching);
        blocks.extend(self.state.space.upkeep_blocks());
        blocks.push(Run::new(0, 2));
        blocks
    }

    /// Bytes and records of the log behind the last checkpoint.
    pub(crate) fn tail(&self) -> (u64, u64) {
        let records = self.log.last_seq().saturating_sub(self.superblock.newest.seq);
        (self.log.since_checkpoint(), records)
    }

    /// The checkpoint could not be stored: the next one has to hold the same.
    pub(crate) fn thaw(&mut self, frozen: Frozen) {
        self.state.space.thaw(&frozen.space);
        self.state.dropped_omaps.extend(frozen.dropped_omaps);
    }

    /// Writes the superblock that makes a stored checkpoint count, once it is durable.
    pub(crate) fn name_checkpoint(&mut self, frozen: &Frozen) -> std::io::Result<()> {
        let (newest, oldest) = (frozen.pointer, self.superblock.newest);
        let told = self.superblock.synced.filter(|told| told.seq > newest.seq);
        let synced = Some(told.unwrap_or(newest));
        let (has_checkpoint, now) = (true, self.superblock.clone());
        self.write_superblock(Superblock { oldest, newest, synced, has_checkpoint, ..now })
    }

    /// The checkpoint and its superblock are durable. Yields runs to punch.
    pub(crate) fn checkpointed(
        &mut self,
        frozen: &Frozen,
        meta: &Arc<dyn MetaStore>,
    ) -> Result<Vec<Run>, StoreError> {
        self.state.attach(meta);
        self.state.objects.stored(frozen.pointer.seq);
        self.state.checksums.stored(frozen.pointer.seq);
        self.log.checkpointed(&self.superblock.oldest, &self.superblock.newest);
        let surplus = self.log.take_surplus(SPARE_BLOCKS);
        let freed = self.state.space.give_back(&surplus);
        freed.map_err(|error| super::meta_failed(&error, "free the log"))?;
        self.note_release();
        self.ripen_to(frozen.pointer.seq)
    }
}

/// Blocks of left log segments that are kept for the log.
const SPARE_BLOCKS: u64 = (16 << 20) / BLOCK_BYTES;
