//! The body of a log record.

use marcot_store::op::Timestamp;
use marcot_store::{ObjectId, PoolId};

use super::cluster_change::ClusterItem;
use super::codec::{Damaged, Reader, Writer};
use super::frame::Seal;
use super::item::Item;
use crate::units::Run;

/// What a log record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// A process has taken the store over. The random number sets its records apart from those of
    /// a lost timeline; client ids below the limit may have been given out.
    Owner {
        nonce: u64,
        client_limit: u64,
    },
    /// The log goes on in another segment.
    Jump {
        segment: Run,
        seal: Seal,
    },
    /// Nothing but the synced seq in the frame.
    Mark,
    Object(ObjectRecord),
    Cluster(Vec<ClusterItem>),
}

/// An atomic change of one object, with what rides along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectRecord {
    pub id: ObjectId,
    pub mtime: Timestamp,
    pub items: Vec<Item>,
    /// Changes beside the object that must be there exactly when this one is.
    pub cluster: Vec<ClusterItem>,
}

impl Record {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            Record::Owner { nonce, client_limit } => {
                writer.u8(1);
                writer.u64(*nonce);
                writer.number(*client_limit);
            }
            Record::Jump { segment, seal } => {
                writer.u8(6);
                writer.number(segment.start);
                writer.number(segment.count);
                writer.u64(seal.seq);
                writer.u64(seal.synced);
            }
            Record::Mark => writer.u8(3),
            Record::Object(record) => {
                writer.u8(4);
                write_object_id(&mut writer, &record.id);
                writer.u32(record.mtime.seconds);
                writer.u32(record.mtime.nanoseconds);
                write_cluster_items(&mut writer, &record.cluster);
                record.items.iter().for_each(|item| item.encode(&mut writer));
            }
            Record::Cluster(items) => {
                writer.u8(5);
                write_cluster_items(&mut writer, items);
            }
        }
        writer.finish()
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Record, Damaged> {
        let mut reader = Reader::new(body);
        let record = match reader.u8()? {
            1 => Record::Owner { nonce: reader.u64()?, client_limit: reader.number()? },
            // Format 1 had no seals.
            2 => Record::Jump { segment: read_segment(&mut reader)?, seal: Seal::default() },
            3 => Record::Mark,
            4 => {
                let id = read_object_id(&mut reader)?;
                let mtime = Timestamp { seconds: reader.u32()?, nanoseconds: reader.u32()? };
                let cluster = read_cluster_items(&mut reader)?;
                let mut items = Vec::new();
                while !reader.is_empty() {
                    items.push(Item::decode(&mut reader)?);
                }
                Record::Object(ObjectRecord { id, mtime, items, cluster })
            }
            5 => Record::Cluster(read_cluster_items(&mut reader)?),
            6 => {
                let segment = read_segment(&mut reader)?;
                let seal = Seal { seq: reader.u64()?, synced: reader.u64()? };
                Record::Jump { segment, seal }
            }
            _ => return Err(Damaged("a record is of a kind that nobody knows")),
        };
        if !reader.is_empty() {
            return Err(Damaged("a record has bytes left over"));
        }
        Ok(record)
    }
}

fn read_segment(reader: &mut Reader<'_>) -> Result<Run, Damaged> {
    let segment = Run::new(reader.number()?, reader.number()?);
    if segment.start < 2 || segment.count < 2 || !segment.lies_within(1 << 50) {
        return Err(Damaged("a log segment lies nowhere"));
    }
    Ok(segment)
}

fn write_cluster_items(writer: &mut Writer, items: &[ClusterItem]) {
    writer.number(items.len() as u64);
    items.iter().for_each(|item| item.encode(writer));
}

fn read_cluster_items(reader: &mut Reader<'_>) -> Result<Vec<ClusterItem>, Damaged> {
    (0..reader.count(1)?).map(|_| ClusterItem::decode(reader)).collect()
}

pub(super) fn write_object_id(writer: &mut Writer, id: &ObjectId) {
    writer.number(id.pool.0 as u64);
    writer.text(&id.namespace);
    writer.text(&id.name);
}

pub(super) fn read_object_id(reader: &mut Reader<'_>) -> Result<ObjectId, Damaged> {
    let pool = PoolId(reader.number()? as i64);
    let (namespace, name) = (reader.text()?, reader.text()?);
    Ok(ObjectId::new(pool, namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_format_1_has_no_seal() {
        let jump = Record::Jump { segment: Run::new(300, 16), seal: Seal::default() };
        assert_eq!(Record::decode(&[2, 0xac, 2, 16]), Ok(jump.clone()));
        assert_eq!(Record::decode(&jump.encode()), Ok(jump));
    }
}
