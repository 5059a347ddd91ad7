//! What happened to an image: the data of a journal's entry.

use crate::Utime;
use crate::features::Features;
use crate::snapshot::SnapshotNamespace;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder, Envelope};

/// An event and its time (`librbd::journal::EventEntry`, version 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEvent {
    pub event: Event,
    /// Zero in entries of version 3 and older.
    pub timestamp: Utime,
}

/// What happened. `op` numbers the operation, for the [`Event::OpFinish`] that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Discard {
        offset: u64,
        length: u64,
        granularity: u32,
    },
    Write {
        offset: u64,
        length: u64,
        data: Vec<u8>,
    },
    Flush,
    OpFinish {
        op: u64,
        result: i32,
    },
    SnapCreate {
        op: u64,
        snapshot: EventSnapshot,
    },
    SnapRemove {
        op: u64,
        snapshot: EventSnapshot,
    },
    SnapRename {
        op: u64,
        snap_id: u64,
        from: String,
        to: String,
    },
    SnapProtect {
        op: u64,
        snapshot: EventSnapshot,
    },
    SnapUnprotect {
        op: u64,
        snapshot: EventSnapshot,
    },
    SnapRollback {
        op: u64,
        snapshot: EventSnapshot,
    },
    Rename {
        op: u64,
        name: String,
    },
    Resize {
        op: u64,
        size: u64,
    },
    Flatten {
        op: u64,
    },
    DemotePromote,
    SnapLimit {
        op: u64,
        limit: u64,
    },
    UpdateFeatures {
        op: u64,
        features: Features,
        enabled: bool,
    },
    MetadataSet {
        op: u64,
        key: String,
        value: String,
    },
    MetadataRemove {
        op: u64,
        key: String,
    },
    WriteSame {
        offset: u64,
        length: u64,
        data: Vec<u8>,
    },
    CompareAndWrite {
        offset: u64,
        length: u64,
        compare: Vec<u8>,
        data: Vec<u8>,
    },
    /// Something newer. Only its number survives.
    Unknown {
        number: u32,
    },
}

/// A snapshot by name, as events name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSnapshot {
    pub name: String,
    pub namespace: SnapshotNamespace,
}

const VERSION: u8 = 5;

impl Event {
    /// The stored number of the event.
    pub fn number(&self) -> u32 {
        match self {
            Event::Discard { .. } => 0,
            Event::Write { .. } => 1,
            Event::Flush => 2,
            Event::OpFinish { .. } => 3,
            Event::SnapCreate { .. } => 4,
            Event::SnapRemove { .. } => 5,
            Event::SnapRename { .. } => 6,
            Event::SnapProtect { .. } => 7,
            Event::SnapUnprotect { .. } => 8,
            Event::SnapRollback { .. } => 9,
            Event::Rename { .. } => 10,
            Event::Resize { .. } => 11,
            Event::Flatten { .. } => 12,
            Event::DemotePromote => 13,
            Event::SnapLimit { .. } => 14,
            Event::UpdateFeatures { .. } => 15,
            Event::MetadataSet { .. } => 16,
            Event::MetadataRemove { .. } => 17,
            Event::WriteSame { .. } => 18,
            Event::CompareAndWrite { .. } => 19,
            Event::Unknown { number } => *number,
        }
    }

    fn encode_body(&self, out: &mut Encoder) {
        match self {
            Event::Flush | Event::DemotePromote | Event::Unknown { .. } => out,
            Event::Discard { offset, length, granularity } => {
                // Version 4 had only the bool: whether to leave out what is no whole object.
                let skip_partial = *granularity != 0;
                out.put(offset).put(length).put(&skip_partial).put(granularity)
            }
            Event::Write { offset, length, data } | Event::WriteSame { offset, length, data } => {
                out.put(offset).put(length).counted(data)
            }
            Event::CompareAndWrite { offset, length, compare, data } => {
                out.put(offset).put(length).counted(compare).counted(data)
            }
            // Twice, in every release.
            Event::OpFinish { op, result } => out.put(op).put(op).put(result),
            Event::SnapCreate { op, snapshot }
            | Event::SnapRemove { op, snapshot }
            | Event::SnapProtect { op, snapshot }
            | Event::SnapUnprotect { op, snapshot }
            | Event::SnapRollback { op, snapshot } => {
                out.put(op).put(&snapshot.name).put(&snapshot.namespace)
            }
            Event::SnapRename { op, snap_id, from, to } => {
                out.put(op).put(to).put(snap_id).put(from)
            }
            Event::Rename { op, name } => out.put(op).put(name),
            Event::Resize { op, size } => out.put(op).put(size),
            Event::Flatten { op } => out.put(op),
            Event::SnapLimit { op, limit } => out.put(op).put(limit),
            Event::UpdateFeatures { op, features, enabled } => {
                out.put(op).put(features).put(enabled)
            }
            Event::MetadataSet { op, key, value } => out.put(op).put(key).put(value),
            Event::MetadataRemove { op, key } => out.put(op).put(key),
        };
    }
}

impl Encode for JournalEvent {
    fn encode(&self, out: &mut Encoder) {
        out.versioned(VERSION, 1, |out| {
            out.put(&self.event.number());
            self.event.encode_body(out);
        });
        out.versioned(1, 1, |out| {
            out.put(&self.timestamp);
        });
    }
}

impl Decode for JournalEvent {
    const RECORD: &'static str = "journal event";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let (event, version) = input.versioned(Self::RECORD, VERSION, |input, envelope| {
            Ok((decode_event(input, envelope)?, envelope.version))
        })?;
        let timestamp = match version {
            0..=3 => Utime::default(),
            _ => input.versioned(Self::RECORD, 1, |input, _| input.field("timestamp"))?,
        };
        Ok(JournalEvent { event, timestamp })
    }
}

fn decode_event(input: &mut Decoder<'_>, envelope: Envelope) -> Result<Event, DecodeError> {
    let number: u32 = input.field("event_type")?;
    match number {
        0..=2 | 18 | 19 => decode_io(number, input, envelope),
        4 | 5 | 7..=9 => decode_snapshot(number, input, envelope),
        _ => decode_operation(number, input, envelope),
    }
}

fn decode_io(
    number: u32,
    input: &mut Decoder<'_>,
    envelope: Envelope,
) -> Result<Event, DecodeError> {
    if number == 2 {
        return Ok(Event::Flush);
    }
    let offset = input.field("offset")?;
    let length = input.field("length")?;
    Ok(match number {
        0 => Event::Discard { offset, length, granularity: granularity(input, envelope)? },
        1 => Event::Write { offset, length, data: input.counted("data")?.to_vec() },
        18 => Event::WriteSame { offset, length, data: input.counted("data")?.to_vec() },
        _ => Event::CompareAndWrite {
            offset,
            length,
            compare: input.counted("cmp_data")?.to_vec(),
            data: input.counted("write_data")?.to_vec(),
        },
    })
}

/// Version 4 told whether to leave out parts of objects, not how large a part.
fn granularity(input: &mut Decoder<'_>, envelope: Envelope) -> Result<u32, DecodeError> {
    /// Larger than any object, so that only whole ones are discarded.
    const WHOLE_OBJECTS: u32 = u32::MAX;
    if envelope.version < 4 {
        return Ok(0);
    }
    let skip_partial: bool = input.field("skip_partial_discard")?;
    match (envelope.version, skip_partial) {
        (4, false) => Ok(0),
        (4, true) => Ok(WHOLE_OBJECTS),
        _ => input.field("discard_granularity_bytes"),
    }
}

fn decode_snapshot(
    number: u32,
    input: &mut Decoder<'_>,
    envelope: Envelope,
) -> Result<Event, DecodeError> {
    let op = input.field("op_tid")?;
    let name = input.field("snap_name")?;
    // Only creations carried the namespace in version 3.
    let named = envelope.version >= 4 || (envelope.version == 3 && number == 4);
    let namespace = if named { input.field("snap_namespace")? } else { SnapshotNamespace::User };
    let snapshot = EventSnapshot { name, namespace };
    Ok(match number {
        4 => Event::SnapCreate { op, snapshot },
        5 => Event::SnapRemove { op, snapshot },
        7 => Event::SnapProtect { op, snapshot },
        8 => Event::SnapUnprotect { op, snapshot },
        _ => Event::SnapRollback { op, snapshot },
    })
}

fn decode_operation(
    number: u32,
    input: &mut Decoder<'_>,
    envelope: Envelope,
) -> Result<Event, DecodeError> {
    match number {
        13 => return Ok(Event::DemotePromote),
        20.. => return Ok(Event::Unknown { number }),
        _ => {}
    }
    let op = input.field("op_tid")?;
    Ok(match number {
        3 => {
            input.field::<u64>("op_tid")?;
            Event::OpFinish { op, result: input.field("result")? }
        }
        6 => {
            let to = input.field("dest_snap_name")?;
            let snap_id = input.field("src_snap_id")?;
            let from =
                if envelope.version >= 2 { input.field("src_snap_name")? } else { String::new() };
            Event::SnapRename { op, snap_id, from, to }
        }
        10 => Event::Rename { op, name: input.field("image_name")? },
        11 => Event::Resize { op, size: input.field("size")? },
        12 => Event::Flatten { op },
        14 => Event::SnapLimit { op, limit: input.field("limit")? },
        15 => Event::UpdateFeatures {
            op,
            features: input.field("features")?,
            enabled: input.field("enabled")?,
        },
        16 => Event::MetadataSet { op, key: input.field("key")?, value: input.field("value")? },
        _ => Event::MetadataRemove { op, key: input.field("key")? },
    })
}

#[cfg(test)]
mod tests;
