//! Opening a store: the last checkpoint, then the longest prefix of the log that is whole.
//!
//! A record counts when its checksum is right and, if no later record says that it was synced,
//! when the data it names arrived too. Opening writes nothing, with one exception: a record whose
//! data is lost is overwritten at once, or it could come back to life once other data with the
//! same checksum lies in its blocks.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use marcot_store::class::Classes;
use marcot_store::ranges::RangeSet;
use marcot_store::{ObjectId, StoreError};

use crate::core::{Core, CoreParts};
use crate::device::{Device, Volume};
use crate::layout::{Damaged, Item, LogPointer, Record, Seal, SuperRow, Superblock};
use crate::log::{Found, LogWriter, ScanError, jump_targets, scan};
use crate::meta::{MetaError, MetaStore, RedbStore, Table};
use crate::planted::{Defect, planted};
use crate::state::State;
use crate::units::{BLOCK, BLOCK_BYTES, Run};
use crate::upgrade::upgrade;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error("reading it failed: {0}")]
    Read(#[from] io::Error),
    #[error("neither superblock can be used: {0}")]
    Superblock(String),
    #[error("neither superblock can be used: {0}")]
    OtherVersion(String),
    #[error("its log is damaged: {0}")]
    Log(String),
    #[error("its metadata is damaged: {0}")]
    Meta(String),
    #[error("settling its log failed: {0}")]
    Settle(StoreError),
}

impl RecoverError {
    /// Whether what is there is no whole store, rather than one that cannot be read.
    pub(crate) fn is_damage(&self) -> bool {
        use RecoverError::{Log, Meta, OtherVersion, Read, Settle, Superblock};
        match self {
            Superblock(_) | Log(_) | Meta(_) => true,
            Read(_) | OtherVersion(_) | Settle(_) => false,
        }
    }
}

impl From<ScanError> for RecoverError {
    fn from(error: ScanError) -> RecoverError {
        match error {
            ScanError::Read(error) => RecoverError::Read(error),
            damaged => RecoverError::Log(damaged.to_string()),
        }
    }
}

impl From<MetaError> for RecoverError {
    fn from(error: MetaError) -> RecoverError {
        RecoverError::Meta(error.to_string())
    }
}

impl From<Damaged> for RecoverError {
    fn from(damage: Damaged) -> RecoverError {
        RecoverError::Meta(damage.to_string())
    }
}

/// What recovery is told.
#[derive(Clone)]
pub(crate) struct RecoverOptions {
    pub classes: Arc<dyn Classes>,
    /// A random number that sets this owner's records apart.
    pub nonce: u64,
    /// What it seals the log segments that it enters with.
    pub seal: Seal,
    /// Most bytes that the store may take; `None` for what the file system has.
    pub limit_bytes: Option<u64>,
}

/// Opens what a volume holds. The caller holds its lock.
pub(crate) fn recover(volume: &dyn Volume, options: RecoverOptions) -> Result<Core, RecoverError> {
    let device = volume.store();
    let length = device.length()?;
    let mut superblock = read_superblock(&*device)?;
    let checkpoint = read_checkpoint(volume, &mut superblock)?;
    let stored_seq = checkpoint.as_ref().map_or(0, |(_, row)| row.seq);
    let start = start_of_replay(&superblock, stored_seq)?;

    // It was there, durably, before the superblock named it.
    if start.segment.end().saturating_mul(BLOCK_BYTES) > length {
        return Err(RecoverError::Log(format!("the file ends within it, after {length} bytes")));
    }
    let mut segments = jump_targets(&*device, superblock.oldest, start.segment)?;
    let known = superblock.synced.map_or(0, |synced| synced.seq).max(stored_seq);
    let scanned = scan(&*device, start, known)?;
    check_chain(&scanned.found, superblock.synced)?;
    let mut found = scanned.found;
    let durable = scanned.synced.max(superblock.newest.seq).max(known);
    let rejected = first_lost(&*device, &found, durable);
    if let Some(index) = rejected {
        found.truncate(index + 1);
    }
    let lost = rejected.and_then(|_| found.pop());
    let end = found.last().map_or(start, |last| last.end);
    let last_segment = scanned.segments.iter().position(|run| *run == end.segment).unwrap_or(0);
    segments.extend(scanned.segments.iter().take(last_segment + 1));

    let room = volume.room()?;
    let limit = options.limit_bytes.unwrap_or(volume.taken()?.saturating_add(room));
    let farthest = options.limit_bytes.unwrap_or(length.saturating_add(room));
    let mut state = restore(checkpoint, limit / BLOCK_BYTES)?;
    state.space.end = farthest / BLOCK_BYTES;
    for run in [Run::new(0, 2)].iter().chain(&segments) {
        state.space.bitmap.set(*run)?;
    }
    for record in found.iter().filter(|found| found.end.seq > stored_seq) {
        state.apply(record.end.seq, &record.record)?;
    }
    let freed = &mut state.space.quarantine;
    freed.settle(&last_uses(&found, freed.iter()), &segments);
    state.space.set_aside(superblock.upkeep)?;
    let log = LogWriter::new(end, segments, superblock.newest);
    let mut core = Core::new(CoreParts {
        device,
        classes: options.classes,
        state,
        log,
        superblock,
        durable: durable.min(end.seq),
        nonce: options.nonce,
        seal: options.seal,
        length,
    });
    match lost {
        None => core.log.seal(),
        Some(lost) => core.overwrite(lost.start).map_err(RecoverError::Settle)?,
    }
    Ok(core)
}

/// The record that the superblock calls durable is the one in the log.
fn check_chain(found: &[Found], synced: Option<LogPointer>) -> Result<(), RecoverError> {
    let Some(synced) = synced else { return Ok(()) };
    match found.iter().find(|found| found.end.seq == synced.seq) {
        Some(found) if found.end.checksum != synced.checksum => {
            let seq = synced.seq;
            Err(RecoverError::Log(format!("record {seq} is not the one that was synced")))
        }
        _ => Ok(()),
    }
}

fn read_superblock(device: &dyn Device) -> Result<Superblock, RecoverError> {
    let mut bytes = vec![0; BLOCK * 2];
    device.read_at(0, &mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => RecoverError::Superblock("the file is too short".into()),
        _ => RecoverError::Read(error),
    })?;
    let (first, second) = bytes.split_at(BLOCK);
    match (Superblock::decode(first), Superblock::decode(second)) {
        (Ok(first), Ok(second)) if second.generation > first.generation => Ok(second),
        // One that is whole but of another time is no reason to go back to an older one.
        (Err(error), _) | (_, Err(error)) if error.is_of_another_version() => {
            Err(RecoverError::OtherVersion(error.to_string()))
        }
        (Ok(first), _) => Ok(first),
        (Err(_), Ok(second)) => Ok(second),
        (Err(error), Err(_)) => Err(RecoverError::Superblock(error.to_string())),
    }
}

type Checkpoint = Option<(Arc<dyn MetaStore>, SuperRow)>;

/// The last checkpoint, brought up to date. Without one a metadata file means nothing: its making was cut short.
fn read_checkpoint(
    volume: &dyn Volume,
    superblock: &mut Superblock,
) -> Result<Checkpoint, RecoverError> {
    if !superblock.has_checkpoint {
        return Ok(None);
    }
    let device = volume.meta()?;
    let device = device.ok_or_else(|| RecoverError::Meta("the file is missing".to_owned()))?;
    let meta = RedbStore::open(device)?;
    let row = meta.get(Table::Super, b"")?.ok_or(Damaged("it holds no checkpoint"))?;
    let mut row = SuperRow::decode(&row)?;
    if row.store != superblock.store {
        return Err(RecoverError::Meta("it belongs to another store".to_owned()));
    }
    upgrade(&*volume.store(), superblock, (&meta, &mut row))?;
    Ok(Some((Arc::new(meta), row)))
}

fn start_of_replay(superblock: &Superblock, stored: u64) -> Result<LogPointer, RecoverError> {
    if stored >= superblock.newest.seq {
        return Ok(superblock.newest);
    }
    if stored >= superblock.oldest.seq {
        return Ok(superblock.oldest);
    }
    let oldest = superblock.oldest.seq;
    Err(RecoverError::Meta(format!(
        "it ends with record {stored}, and the log begins after record {oldest}"
    )))
}

fn restore(checkpoint: Checkpoint, limit: u64) -> Result<State, RecoverError> {
    let Some((meta, row)) = checkpoint else { return Ok(State::new(None, limit)) };
    let mut state = State::new(Some(meta), limit);
    state.cluster = row.cluster;
    state.space.bitmap.restore(row.pages, row.frontier);
    state.space.references.restore()?;
    Ok(state)
}

/// The first record above `durable` whose data did not arrive.
fn first_lost(device: &dyn Device, found: &[Found], durable: u64) -> Option<usize> {
    found.iter().position(|found| match &found.record {
        Record::Object(record) if found.end.seq > durable => {
            !data_arrived(device, &record.id, &record.items)
        }
        _ => false,
    })
}

fn data_arrived(device: &dyn Device, id: &ObjectId, items: &[Item]) -> bool {
    let mut bytes = Vec::new();
    let unchecked = planted(Defect::UncheckedRecovery);
    items.iter().all(|item| {
        let Item::Write { physical, checksums, .. } = item else { return true };
        let run = Run::new(*physical, checksums.len() as u64);
        // What a failed sync left behind in the cache would look as if it had arrived.
        device.forget_cache(run.offset(), run.bytes());
        bytes.resize(run.bytes() as usize, 0);
        let read = device.read_at(run.offset(), &mut bytes);
        let blocks = bytes.chunks_exact(BLOCK).map(crc32c::crc32c);
        let arrived = unchecked || read.is_ok() && blocks.eq(checksums.iter().copied());
        if !arrived {
            tracing::info!("the log ends before a write to {id} whose data did not arrive");
        }
        arrived
    })
}

/// Which record was the last to put data into a block; of those blocks only that have been freed.
fn last_uses(found: &[Found], freed: impl Iterator<Item = Run>) -> HashMap<u64, u64> {
    let freed: Vec<(u64, u64)> = freed.map(|run| (run.start, run.count)).collect();
    let freed = RangeSet::from_ranges(&freed);
    let mut uses = HashMap::new();
    for found in found {
        let Record::Object(record) = &found.record else { continue };
        for item in &record.items {
            let Item::Write { physical, checksums, .. } = item else { continue };
            let end = physical + checksums.len() as u64;
            let ranges = freed.as_slice();
            let first = ranges.partition_point(|(start, count)| start + count <= *physical);
            let within = ranges.iter().skip(first).take_while(|(start, _)| *start < end);
            for (start, count) in within {
                let blocks = (*start).max(*physical)..(start + count).min(end);
                uses.extend(blocks.map(|block| (block, found.end.seq)));
            }
        }
    }
    uses
}

/// What a new store is made with.
#[derive(Clone, Debug)]
pub(crate) struct FormatOptions {
    pub store: [u8; 16],
    /// What the first log segment is sealed with.
    pub seal: Seal,
    pub pools: Vec<String>,
    /// Blocks of the first log segment.
    pub log_blocks: u64,
}

/// Most blocks that a new store sets aside for changes on a full file system.
const MOST_UPKEEP: u64 = 64;

/// Makes an empty store on a volume, durable with its first sync: one write of superblocks and one of
/// the first record.
pub(crate) fn format(volume: &dyn Volume, options: &FormatOptions) -> io::Result<()> {
    let device = volume.store();
    let segment = Run::new(2, options.log_blocks);
    let upkeep = Run::new(segment.end(), (options.log_blocks / 8).min(MOST_UPKEEP));
    device.set_len(upkeep.end() * BLOCK_BYTES)?;
    // Chained to the store's identity, so that no other store's log can pass for this one's.
    let checksum = crc32c::crc32c(&options.store);
    let start = LogPointer { seq: 0, checksum, segment, seal: options.seal, position: 0 };
    let superblock = Superblock {
        generation: 1,
        store: options.store,
        oldest: start,
        newest: start,
        synced: None,
        upkeep,
        has_checkpoint: false,
    };
    crate::core::reserve(&*device, segment.offset(), segment.bytes() + upkeep.bytes())?;
    device.write_at(0, &superblock.encode().repeat(2))?;
    let mut log = LogWriter::new(start, vec![segment], start);
    let pools = (1i64..).zip(&options.pools).map(|(id, name)| {
        let id = marcot_store::PoolId(id);
        crate::layout::ClusterItem::CreatePool { id, name: name.clone() }
    });
    let record = Record::Cluster(pools.collect());
    log.append(&*device, &record.encode(), 0).map(drop)
}
