//! The one row of everything small: pools, config keys, blocklist, sessions, the space summary.

use std::collections::{BTreeMap, BTreeSet};

use marcot_store::ranges::RangeSet;
use marcot_store::session::ProcessMark;
use marcot_store::{ClientId, PoolId, SnapId, WatchHandle};

use super::cluster_change::{read_answer, write_answer};
use super::codec::{Damaged, Reader, Writer};
use super::item::{read_ranges, write_ranges};
use super::record::{read_object_id, write_object_id};
use crate::state::{Cluster, Pool, SessionState};

/// How a checkpoint's rows are laid out: in formats 1 and 2 objects have their blocks' checksums, and
/// the row does not say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RowFormat {
    ChecksumsInObjects,
    #[default]
    ChecksumsByBlock,
}

const CHECKSUMS_BY_BLOCK: u64 = 3;

/// What a checkpoint stores beside the other tables.
#[derive(Clone, Debug, Default)]
pub(crate) struct SuperRow {
    pub store: [u8; 16],
    /// The last record that the checkpoint holds.
    pub seq: u64,
    pub cluster: Cluster,
    /// Blocks in use in each page of the bitmap.
    pub pages: BTreeMap<u64, u64>,
    pub frontier: u64,
    pub format: RowFormat,
}

impl SuperRow {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        for byte in self.store {
            writer.u8(byte);
        }
        writer.number(self.seq);
        writer.number(self.frontier);
        writer.number(self.pages.len() as u64);
        for (number, used) in &self.pages {
            writer.number(*number);
            writer.number(*used);
        }
        encode_cluster(&mut writer, &self.cluster);
        if self.format == RowFormat::ChecksumsByBlock {
            writer.number(CHECKSUMS_BY_BLOCK);
        }
        writer.finish()
    }

    pub(crate) fn decode(row: &[u8]) -> Result<SuperRow, Damaged> {
        let mut reader = Reader::new(row);
        let mut store = [0; 16];
        for byte in &mut store {
            *byte = reader.u8()?;
        }
        let (seq, frontier) = (reader.number()?, reader.number()?);
        let mut pages = BTreeMap::new();
        for _ in 0..reader.count(2)? {
            let (number, used) = (reader.number()?, reader.number()?);
            if number > 1 << 35 || used > crate::space::PAGE_BLOCKS {
                return Err(Damaged("a page of the bitmap cannot be"));
            }
            pages.insert(number, used);
        }
        let cluster = decode_cluster(&mut reader)?;
        let format = match reader.is_empty() {
            true => RowFormat::ChecksumsInObjects,
            false if reader.number()? == CHECKSUMS_BY_BLOCK => RowFormat::ChecksumsByBlock,
            false => return Err(Damaged("its rows have a format that nobody knows")),
        };
        Ok(SuperRow { store, seq, cluster, pages, frontier, format })
    }
}

fn encode_cluster(writer: &mut Writer, cluster: &Cluster) {
    writer.number(cluster.next_pool as u64);
    writer.number(cluster.client_limit);
    writer.text(&cluster.min_compat_client);
    writer.number(cluster.pools.len() as u64);
    for (id, pool) in &cluster.pools {
        writer.number(id.0 as u64);
        writer.text(&pool.name);
        writer.number(pool.objects);
        writer.number(pool.stored_blocks);
        writer.number(pool.snap_seq.0);
        write_ranges(writer, pool.removed.as_slice());
    }
    writer.number(cluster.config.len() as u64);
    for (key, value) in &cluster.config {
        writer.text(key);
        writer.bytes(value);
    }
    writer.number(cluster.blocklist.len() as u64);
    cluster.blocklist.iter().for_each(|address| writer.text(address));
    writer.number(cluster.trims.len() as u64);
    for (pool, snap) in &cluster.trims {
        writer.number(pool.0 as u64);
        writer.number(snap.0);
    }
    writer.number(cluster.purges.len() as u64);
    cluster.purges.iter().for_each(|pool| writer.number(pool.0 as u64));
    writer.number(cluster.sessions.len() as u64);
    for (client, session) in &cluster.sessions {
        writer.number(client.0);
        encode_session(writer, session);
    }
}

fn encode_session(writer: &mut Writer, session: &SessionState) {
    writer.u32(session.process.pid);
    writer.u64(session.process.started);
    writer.number(session.answers.len() as u64);
    for (number, answer) in &session.answers {
        writer.number(*number);
        write_answer(writer, *answer);
    }
    writer.number(session.watches.len() as u64);
    for (handle, object) in &session.watches {
        writer.number(handle.0);
        write_object_id(writer, object);
    }
}

fn decode_cluster(reader: &mut Reader<'_>) -> Result<Cluster, Damaged> {
    let next_pool = reader.number()? as i64;
    let client_limit = reader.number()?;
    let min_compat_client = reader.text()?.to_owned();
    let mut pools = BTreeMap::new();
    for _ in 0..reader.count(6)? {
        let id = PoolId(reader.number()? as i64);
        let name = reader.text()?.to_owned();
        let (objects, stored_blocks) = (reader.number()?, reader.number()?);
        let snap_seq = SnapId(reader.number()?);
        let removed = RangeSet::from_ranges(&read_ranges(reader)?);
        pools.insert(id, Pool { name, objects, stored_blocks, snap_seq, removed });
    }
    let mut config = BTreeMap::new();
    for _ in 0..reader.count(2)? {
        let key = reader.text()?.to_owned();
        config.insert(key, reader.bytes()?);
    }
    let mut blocklist = BTreeSet::new();
    for _ in 0..reader.count(1)? {
        blocklist.insert(reader.text()?.to_owned());
    }
    let (mut trims, mut purges) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..reader.count(2)? {
        trims.insert((PoolId(reader.number()? as i64), SnapId(reader.number()?)));
    }
    for _ in 0..reader.count(1)? {
        purges.insert(PoolId(reader.number()? as i64));
    }
    let mut sessions = BTreeMap::new();
    for _ in 0..reader.count(4)? {
        let client = ClientId(reader.number()?);
        sessions.insert(client, decode_session(reader)?);
    }
    Ok(Cluster {
        pools,
        next_pool,
        client_limit,
        min_compat_client,
        config,
        blocklist,
        trims,
        purges,
        sessions,
    })
}

fn decode_session(reader: &mut Reader<'_>) -> Result<SessionState, Damaged> {
    let process = ProcessMark { pid: reader.u32()?, started: reader.u64()? };
    let (mut answers, mut watches) = (BTreeMap::new(), BTreeMap::new());
    for _ in 0..reader.count(3)? {
        let number = reader.number()?;
        answers.insert(number, read_answer(reader)?);
    }
    for _ in 0..reader.count(4)? {
        let handle = WatchHandle(reader.number()?);
        watches.insert(handle, read_object_id(reader)?);
    }
    Ok(SessionState { process, answers, watches })
}
