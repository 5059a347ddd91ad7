//! Checkpoints in redb.

use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use redb::{Database, Durability, ReadableDatabase, TableDefinition, TableError, WriteTransaction};

use super::backend::Backend;
use super::{MetaChange, MetaError, MetaStore, Table};
use crate::device::Device;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;

fn definition(table: Table) -> Definition {
    TableDefinition::new(match table {
        Table::Objects => "objects",
        Table::Cloned => "cloned",
        Table::Omap => "omap",
        Table::Bitmap => "bitmap",
        Table::References => "references",
        Table::Super => "super",
    })
}

/// A redb database on a device.
#[derive(Debug)]
pub(crate) struct RedbStore {
    database: Database,
}

/// Pages that redb keeps in memory.
const CACHE_BYTES: usize = 64 << 20;

fn failed(error: impl std::fmt::Display) -> MetaError {
    MetaError::Storage(error.to_string())
}

impl RedbStore {
    /// Opens the database of a device, or makes one on an empty device.
    pub(crate) fn open(device: Arc<dyn Device>) -> Result<RedbStore, MetaError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        let database = builder.create_with_backend(Backend::new(device)).map_err(failed)?;
        Ok(RedbStore { database })
    }
}

fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != 0xff)?;
    let mut end = prefix.get(..=last)?.to_vec();
    *end.last_mut()? += 1;
    Some(end)
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    match bound {
        Bound::Included(key) => Bound::Included(key),
        Bound::Excluded(key) => Bound::Excluded(key),
        Bound::Unbounded => Bound::Unbounded,
    }
}

impl MetaStore for RedbStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, MetaError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let table = match transaction.open_table(definition(table)) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let found = table.get(key).map_err(failed)?;
        Ok(found.map(|value| Bytes::copy_from_slice(value.value())))
    }

    fn range(
        &self,
        table: Table,
        from: Bound<Vec<u8>>,
        prefix: &[u8],
        max: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, MetaError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let table = match transaction.open_table(definition(table)) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let range = (as_slice(&from), Bound::Unbounded);
        let mut found = Vec::new();
        for entry in table.range::<&[u8]>(range).map_err(failed)? {
            let (key, value) = entry.map_err(failed)?;
            if found.len() == max || !key.value().starts_with(prefix) {
                break;
            }
            let pair = (Bytes::copy_from_slice(key.value()), Bytes::copy_from_slice(value.value()));
            found.push(pair);
        }
        Ok(found)
    }

    fn commit(&self, mut changes: Vec<MetaChange>) -> Result<(), MetaError> {
        // In the order of the tables' keys a batch touches each leaf once.
        changes.sort_by(|left, right| order(left).cmp(&order(right)));
        let mut transaction = self.database.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::Immediate).map_err(failed)?;
        // Without it a reopen after a crash walks the whole tree.
        transaction.set_quick_repair(true);
        for same in changes.chunk_by(|left, right| order(left).0 == order(right).0) {
            apply(&transaction, same)?;
        }
        transaction.commit().map_err(failed)
    }
}

fn order(change: &MetaChange) -> (Table, bool, &[u8]) {
    match change {
        // A prefix goes before what is put under it.
        MetaChange::DeletePrefix { table, prefix } => (*table, false, prefix),
        MetaChange::Put { table, key, .. } | MetaChange::Delete { table, key } => {
            (*table, true, key)
        }
    }
}

fn apply(transaction: &WriteTransaction, changes: &[MetaChange]) -> Result<(), MetaError> {
    let Some(first) = changes.first() else { return Ok(()) };
    let mut table = transaction.open_table(definition(order(first).0)).map_err(failed)?;
    for change in changes {
        match change {
            MetaChange::Put { key, value, .. } => {
                table.insert(&key[..], &value[..]).map_err(failed)?;
            }
            MetaChange::Delete { key, .. } => {
                table.remove(&key[..]).map_err(failed)?;
            }
            MetaChange::DeletePrefix { prefix, .. } => {
                let end = successor(prefix);
                let end = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
                let range = (Bound::Included(&prefix[..]), end);
                table.retain_in::<&[u8], _>(range, |_, _| false).map_err(failed)?;
            }
        }
    }
    Ok(())
}
