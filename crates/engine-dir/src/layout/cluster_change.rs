//! What a log record does to the store beside its objects.

use bytes::Bytes;
use marcot_store::session::{Answer, ProcessMark};
use marcot_store::{ClientId, ObjectId, PoolId, SnapId, Version, WatchHandle};

use super::codec::{Damaged, Reader, Writer};
use super::record::{read_object_id, write_object_id};

/// One change of pools, config keys, blocklist, snapshot ids or sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ClusterItem {
    CreatePool {
        id: PoolId,
        name: String,
    },
    RenamePool {
        id: PoolId,
        name: String,
    },
    /// The pool's objects are purged later.
    RemovePool {
        id: PoolId,
    },
    /// All objects of a removed pool are gone.
    PoolPurged {
        id: PoolId,
    },
    SetMinCompatClient {
        release: String,
    },
    SetConfigKey {
        key: String,
        value: Bytes,
    },
    RemoveConfigKey {
        key: String,
    },
    AddBlocklist {
        address: String,
    },
    RemoveBlocklist {
        address: String,
    },
    /// The pool has given this snapshot id out.
    CreateSnap {
        pool: PoolId,
        snap: SnapId,
    },
    /// Its clones are trimmed later.
    RemoveSnap {
        pool: PoolId,
        snap: SnapId,
    },
    /// No clone serves it any more.
    SnapTrimmed {
        pool: PoolId,
        snap: SnapId,
    },
    StartSession {
        client: ClientId,
        process: ProcessMark,
    },
    EndSession {
        client: ClientId,
    },
    /// The answer of a session's request, and which answers it still wants.
    Answered {
        client: ClientId,
        number: u64,
        answered_below: u64,
        answer: Answer,
    },
    Watch {
        client: ClientId,
        handle: WatchHandle,
        object: ObjectId,
    },
    Unwatch {
        client: ClientId,
        handle: WatchHandle,
        object: ObjectId,
    },
}

impl ClusterItem {
    /// The same with the version that the record's own number is: what writes it cannot know it.
    pub(crate) fn told(&self, seq: u64) -> ClusterItem {
        let mut told = self.clone();
        if let ClusterItem::Answered { answer: Answer::Version(version), .. } = &mut told {
            *version = Version(seq);
        }
        told
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        match self {
            ClusterItem::CreatePool { id, name } => pool(writer, 1, *id, Some(name)),
            ClusterItem::RenamePool { id, name } => pool(writer, 2, *id, Some(name)),
            ClusterItem::RemovePool { id } => pool(writer, 3, *id, None),
            ClusterItem::PoolPurged { id } => pool(writer, 4, *id, None),
            ClusterItem::SetMinCompatClient { release } => text(writer, 5, release),
            ClusterItem::SetConfigKey { key, value } => {
                text(writer, 6, key);
                writer.bytes(value);
            }
            ClusterItem::RemoveConfigKey { key } => text(writer, 7, key),
            ClusterItem::AddBlocklist { address } => text(writer, 8, address),
            ClusterItem::RemoveBlocklist { address } => text(writer, 9, address),
            ClusterItem::CreateSnap { pool, snap } => snapshot(writer, 10, *pool, *snap),
            ClusterItem::RemoveSnap { pool, snap } => snapshot(writer, 11, *pool, *snap),
            ClusterItem::SnapTrimmed { pool, snap } => snapshot(writer, 12, *pool, *snap),
            ClusterItem::StartSession { client, process } => {
                writer.u8(13);
                writer.number(client.0);
                writer.u32(process.pid);
                writer.u64(process.started);
            }
            ClusterItem::EndSession { client } => {
                writer.u8(14);
                writer.number(client.0);
            }
            ClusterItem::Answered { client, number, answered_below, answer } => {
                writer.u8(15);
                writer.number(client.0);
                writer.number(*number);
                writer.number(*answered_below);
                write_answer(writer, *answer);
            }
            ClusterItem::Watch { client, handle, object } => {
                watch(writer, 16, *client, *handle, object);
            }
            ClusterItem::Unwatch { client, handle, object } => {
                watch(writer, 17, *client, *handle, object);
            }
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<ClusterItem, Damaged> {
        let kind = reader.u8()?;
        Ok(match kind {
            1..=4 => decode_pool(kind, reader)?,
            5 => ClusterItem::SetMinCompatClient { release: reader.text()?.to_owned() },
            6 => {
                let key = reader.text()?.to_owned();
                ClusterItem::SetConfigKey { key, value: reader.bytes()? }
            }
            7 => ClusterItem::RemoveConfigKey { key: reader.text()?.to_owned() },
            8 => ClusterItem::AddBlocklist { address: reader.text()?.to_owned() },
            9 => ClusterItem::RemoveBlocklist { address: reader.text()?.to_owned() },
            10..=12 => {
                let (pool, snap) = (PoolId(reader.number()? as i64), SnapId(reader.number()?));
                match kind {
                    10 => ClusterItem::CreateSnap { pool, snap },
                    11 => ClusterItem::RemoveSnap { pool, snap },
                    _ => ClusterItem::SnapTrimmed { pool, snap },
                }
            }
            13 => {
                let client = ClientId(reader.number()?);
                let process = ProcessMark { pid: reader.u32()?, started: reader.u64()? };
                ClusterItem::StartSession { client, process }
            }
            14 => ClusterItem::EndSession { client: ClientId(reader.number()?) },
            15 => ClusterItem::Answered {
                client: ClientId(reader.number()?),
                number: reader.number()?,
                answered_below: reader.number()?,
                answer: read_answer(reader)?,
            },
            16 | 17 => {
                let client = ClientId(reader.number()?);
                let handle = WatchHandle(reader.number()?);
                let object = read_object_id(reader)?;
                match kind {
                    16 => ClusterItem::Watch { client, handle, object },
                    _ => ClusterItem::Unwatch { client, handle, object },
                }
            }
            _ => return Err(Damaged("a change of a kind that nobody knows")),
        })
    }
}

fn decode_pool(kind: u8, reader: &mut Reader<'_>) -> Result<ClusterItem, Damaged> {
    let id = PoolId(reader.number()? as i64);
    Ok(match kind {
        1 => ClusterItem::CreatePool { id, name: reader.text()?.to_owned() },
        2 => ClusterItem::RenamePool { id, name: reader.text()?.to_owned() },
        3 => ClusterItem::RemovePool { id },
        _ => ClusterItem::PoolPurged { id },
    })
}

fn pool(writer: &mut Writer, kind: u8, id: PoolId, name: Option<&str>) {
    writer.u8(kind);
    writer.number(id.0 as u64);
    if let Some(name) = name {
        writer.text(name);
    }
}

fn text(writer: &mut Writer, kind: u8, value: &str) {
    writer.u8(kind);
    writer.text(value);
}

fn snapshot(writer: &mut Writer, kind: u8, pool: PoolId, snap: SnapId) {
    writer.u8(kind);
    writer.number(pool.0 as u64);
    writer.number(snap.0);
}

fn watch(writer: &mut Writer, kind: u8, client: ClientId, handle: WatchHandle, object: &ObjectId) {
    writer.u8(kind);
    writer.number(client.0);
    writer.number(handle.0);
    write_object_id(writer, object);
}

pub(super) fn write_answer(writer: &mut Writer, answer: Answer) {
    let (kind, number) = match answer {
        Answer::Done => (0, 0),
        Answer::Version(version) => (1, version.0),
        Answer::SnapId(snap) => (2, snap.0),
    };
    writer.u8(kind);
    writer.number(number);
}

pub(super) fn read_answer(reader: &mut Reader<'_>) -> Result<Answer, Damaged> {
    let (kind, number) = (reader.u8()?, reader.number()?);
    match kind {
        0 => Ok(Answer::Done),
        1 => Ok(Answer::Version(Version(number))),
        2 => Ok(Answer::SnapId(SnapId(number))),
        _ => Err(Damaged("an answer of a kind that nobody knows")),
    }
}
