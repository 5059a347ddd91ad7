//! Checkpoints in redb.

use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use redb::{
    Database, Durability, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, TableDefinition,
    TableError, WriteTransaction,
};

use super::backend::Backend;
use super::guard::guarded;
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
        Table::Checksums => "checksums",
        Table::Super => "super",
    })
}

/// A redb database on a device.
///
/// redb marks a database that is open for writing, durably, at both ends. So it is open for
/// reading, which writes nothing, but for the time of a commit.
#[derive(Debug)]
pub(crate) struct RedbStore {
    device: Arc<dyn Device>,
    handle: RwLock<Handle>,
}

enum Handle {
    Reading(ReadOnlyDatabase),
    /// During a commit; others read beside it.
    Writing(Arc<Database>),
    /// The last open failed, with these words.
    Broken(String),
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Handle::Reading(_) => "Reading",
            Handle::Writing(_) => "Writing",
            Handle::Broken(_) => "Broken",
        })
    }
}

/// Pages that redb keeps in memory: the inner ones of a large store. Rows are kept as objects.
const CACHE_BYTES: usize = 16 << 20;

fn failed(error: impl std::fmt::Display) -> MetaError {
    MetaError::Storage(error.to_string())
}

fn open_for_reading(device: &Arc<dyn Device>) -> Result<ReadOnlyDatabase, MetaError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    let backend = Backend::new(Arc::clone(device));
    guarded(|| builder.open_read_only_with_backend(backend).map_err(failed))
}

/// Makes the database on an empty device; repairs one that was cut short.
fn open_for_writing(device: &Arc<dyn Device>) -> Result<Database, MetaError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    let backend = Backend::new(Arc::clone(device));
    guarded(|| builder.create_with_backend(backend).map_err(failed))
}

impl RedbStore {
    /// Opens the database of a device, or makes one on an empty device.
    pub(crate) fn open(device: Arc<dyn Device>) -> Result<RedbStore, MetaError> {
        let reading = match open_for_reading(&device) {
            Ok(reading) => reading,
            Err(_) => {
                drop(open_for_writing(&device)?);
                open_for_reading(&device)?
            }
        };
        Ok(RedbStore { device, handle: RwLock::new(Handle::Reading(reading)) })
    }

    /// Reads, with the handle held: no other way of opening comes between.
    fn reading<T>(
        &self,
        read: impl FnOnce(ReadTransaction) -> Result<T, MetaError>,
    ) -> Result<T, MetaError> {
        let handle = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        guarded(|| {
            let transaction = match &*handle {
                Handle::Reading(database) => database.begin_read(),
                Handle::Writing(database) => database.begin_read(),
                Handle::Broken(words) => return Err(failed(words)),
            };
            read(transaction.map_err(failed)?)
        })
    }

    fn replace(
        &self,
        open: impl FnOnce(&Arc<dyn Device>) -> Result<Handle, MetaError>,
    ) -> Result<(), MetaError> {
        let mut handle = self.handle.write().unwrap_or_else(PoisonError::into_inner);
        // One after the other: redb's two ways of opening do not go together.
        *handle = Handle::Broken("it is being opened".to_owned());
        match open(&self.device) {
            Ok(new) => {
                *handle = new;
                Ok(())
            }
            Err(error) => {
                *handle = Handle::Broken(error.to_string());
                Err(error)
            }
        }
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
        self.reading(|transaction| {
            let table = match transaction.open_table(definition(table)) {
                Ok(table) => table,
                Err(TableError::TableDoesNotExist(_)) => return Ok(None),
                Err(error) => return Err(failed(error)),
            };
            let found = table.get(key).map_err(failed)?;
            Ok(found.map(|value| Bytes::copy_from_slice(value.value())))
        })
    }

    fn range(
        &self,
        table: Table,
        from: Bound<Vec<u8>>,
        prefix: &[u8],
        max: usize,
    ) -> Result<Vec<(Bytes, Bytes)>, MetaError> {
        self.reading(|transaction| {
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
                let (key, value) = (key.value(), value.value());
                found.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
            }
            Ok(found)
        })
    }

    fn commit(&self, mut changes: Vec<MetaChange>) -> Result<(), MetaError> {
        // In the order of the tables' keys a batch touches each leaf once.
        changes.sort_by(|left, right| order(left).cmp(&order(right)));
        let mut database = None;
        self.replace(|device| {
            let writing = Arc::new(open_for_writing(device)?);
            database = Some(Arc::clone(&writing));
            Ok(Handle::Writing(writing))
        })?;
        let committed = database.map_or(Ok(()), |database| write(&database, &changes));
        self.replace(|device| open_for_reading(device).map(Handle::Reading))?;
        committed
    }
}

fn write(database: &Database, changes: &[MetaChange]) -> Result<(), MetaError> {
    let mut transaction = database.begin_write().map_err(failed)?;
    transaction.set_durability(Durability::Immediate).map_err(failed)?;
    // Without it a reopen after a crash walks the whole tree.
    transaction.set_quick_repair(true);
    for same in changes.chunk_by(|left, right| order(left).0 == order(right).0) {
        apply(&transaction, same)?;
    }
    transaction.commit().map_err(failed)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Call, SimulatedVolume, Volume as _};

    #[test]
    fn opening_and_closing_write_nothing() {
        let volume = SimulatedVolume::new();
        let device = volume.create_meta().expect("no fault is planned");
        let store = RedbStore::open(Arc::clone(&device)).expect("it is empty");
        let put = MetaChange::Put { table: Table::Omap, key: vec![1], value: vec![2] };
        store.commit(vec![put]).expect("no fault is planned");
        drop(store);
        let calls = || (volume.calls(Call::Write), volume.calls(Call::Sync));
        let before = calls();
        let store = RedbStore::open(device).expect("it is there");
        let found = store.get(Table::Omap, &[1]).expect("no fault is planned");
        assert_eq!(found.as_deref(), Some(&[2][..]));
        drop(store);
        assert_eq!(calls(), before);
    }
}
