//! Operations as data: what RADOS can do to one object, atomically.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{ObjectId, SnapContext, SnapId};

/// When a write counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Durability {
    /// Survives a power cut once acknowledged: whatever RADOS would promise.
    #[default]
    Durable,
    /// Takes effect in the order of acknowledgement, survives the death of the process, and
    /// survives a power cut after the next flush or durable write. Never reordered with either.
    Ordered,
}

/// A read of one object: steps, each with its own result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadOp {
    pub steps: Vec<ReadStep>,
}

impl ReadOp {
    /// A read of one step.
    pub fn single(step: ReadStep) -> ReadOp {
        ReadOp { steps: vec![step] }
    }

    /// Whether a step runs a class method.
    pub fn runs_methods(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, ReadStep::Exec { .. }))
    }
}

/// One step of a [`ReadOp`]. The result of the same index answers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadStep {
    /// Fails with `ENOENT` unless the object exists. → `Done`
    AssertExists,
    /// → `Stat`
    Stat,
    /// Short at the end of the object. Holes read as zeros. → `Data`
    Read { offset: u64, length: u64 },
    /// Only the stored runs within the range, ascending; the engine may report zeros that it
    /// cannot tell from data. → `Extents`
    SparseRead { offset: u64, length: u64 },
    /// Where bytes are stored within the range, without reading them: what lies between is zeros. An
    /// engine that cannot tell says that all is, up to the end of the object. → `Ranges`
    Stored { offset: u64, length: u64 },
    /// Fails with `EILSEQ` and the offset unless the bytes are equal; bytes beyond the end are
    /// zeros. → `Done`
    CompareExtent { offset: u64, data: Bytes },
    /// `ENODATA` when there is none. → `Data`
    GetXattr { name: String },
    /// → `Xattrs`
    GetXattrs,
    /// Pairs with a key greater than `after` that begin with `prefix`. → `Omap`
    OmapList { after: Option<Bytes>, prefix: Bytes, max: u64 },
    /// The pairs of those keys that exist. → `Omap`
    OmapGet { keys: Vec<Bytes> },
    /// Runs a class method that only reads; `EOPNOTSUPP` when there is no such method. → `Data`
    Exec { class: String, method: String, input: Bytes },
}

/// What one [`ReadStep`] found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadResult {
    Done,
    Stat(ObjectStat),
    Data(Bytes),
    /// (offset, bytes), ascending, not touching the end of the object.
    Extents(Vec<(u64, Bytes)>),
    /// (offset, length), ascending, none beyond the end of the object.
    Ranges(Vec<(u64, u64)>),
    /// Sorted by name.
    Xattrs(Vec<(String, Bytes)>),
    Omap(OmapPage),
}

/// Size and time of an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectStat {
    pub size: u64,
    pub mtime: Timestamp,
    pub version: crate::Version,
}

/// Seconds and nanoseconds since 1970, as Ceph's `utime_t` keeps them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp {
    pub seconds: u32,
    pub nanoseconds: u32,
}

/// A page of an omap, ascending by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OmapPage {
    pub entries: Vec<(Bytes, Bytes)>,
    /// Whether there are more after the last entry.
    pub more: bool,
}

/// A change of one object: all steps or none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteOp {
    pub steps: Vec<WriteStep>,
    /// The snapshots that this write must preserve; the default preserves none.
    pub snap_context: SnapContext,
    pub durability: Durability,
}

impl WriteOp {
    /// A durable operation with an empty snapshot context.
    pub fn new(steps: Vec<WriteStep>) -> WriteOp {
        WriteOp { steps, ..WriteOp::default() }
    }

    /// The same operation, only ordered.
    pub fn ordered(mut self) -> WriteOp {
        self.durability = Durability::Ordered;
        self
    }

    /// The same operation under `snap_context`.
    pub fn with_snap_context(mut self, snap_context: SnapContext) -> WriteOp {
        self.snap_context = snap_context;
        self
    }

    /// Whether a step runs a class method.
    pub fn runs_methods(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, WriteStep::Exec { .. }))
    }

    /// The objects that its copyups take from.
    pub fn sources(&self) -> impl Iterator<Item = &ObjectId> {
        let pieces = self.steps.iter().flat_map(|step| match step {
            WriteStep::CopyupFrom { pieces, .. } => pieces.as_slice(),
            _ => &[],
        });
        pieces.map(|piece| &piece.source)
    }
}

/// One step of a [`WriteOp`]. Unless said otherwise a step creates the object if need be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WriteStep {
    /// `ENOENT` unless the object exists.
    AssertExists,
    /// Creates an empty object.
    Create(CreateMode),
    /// As [`ReadStep::CompareExtent`]. On an object that does not exist all bytes are zeros.
    CompareExtent {
        offset: u64,
        data: Bytes,
    },
    /// Grows the object as needed.
    Write {
        offset: u64,
        data: Bytes,
    },
    /// Replaces the whole data.
    WriteFull {
        data: Bytes,
    },
    /// Writes `data` again and again over `length`, which is a multiple of its length (`EINVAL`).
    WriteSame {
        offset: u64,
        length: u64,
        data: Bytes,
    },
    /// Makes the range a hole; never grows, never creates the object. As in RADOS, a range that
    /// reaches the end of the object cuts it where the range begins. A length of 0 is `EINVAL`:
    /// an OSD of 16.2 dies of it.
    Zero {
        offset: u64,
        length: u64,
    },
    /// Cuts or grows to `size`; does nothing to an object that does not exist.
    Truncate {
        size: u64,
    },
    /// `ENOENT` when there is no object.
    Remove,
    SetXattr {
        name: String,
        value: Bytes,
    },
    /// `ENOENT` when there is no object; an attribute that is not there is no error, as in RADOS.
    RemoveXattr {
        name: String,
    },
    OmapSet {
        entries: Vec<(Bytes, Bytes)>,
    },
    /// `ENOENT` when there is no object; keys that are not there are no error.
    OmapRemove {
        keys: Vec<Bytes>,
    },
    /// `ENOENT` when there is no object.
    OmapClear,
    /// Runs a class method that may write; what it returns is dropped.
    Exec {
        class: String,
        method: String,
        input: Bytes,
    },
    /// Tells the engine what to expect; changes nothing that can be read, but creates the object.
    SetAllocHint {
        expected_object_size: u64,
        expected_write_size: u64,
    },
    /// The only step of its operation: makes the head what it was at `snap`, or removes it if it
    /// did not exist then (`EBUSY` if that would end somebody's watch).
    Rollback {
        snap: SnapId,
    },
    /// Exactly `rbd.sparse_copyup` of the non-zero runs of the sources: does nothing if the object
    /// exists, otherwise creates it and fills it. It may take up to a sixteenth of a source's zeros
    /// for data. [`crate::Copyups`] says when it is there. When it has to fill the object and a source
    /// does not exist at its snapshot: `ENOENT`, so that a stale idea of who holds the bytes
    /// never turns into zeros.
    CopyupFrom {
        pieces: Vec<CopyupPiece>,
        all_zeros: AllZeros,
        reads: SourceReads,
    },
    /// Writes `data` where the object ends; `EFBIG` when no object is that large. Of nothing: only
    /// creates the object.
    Append {
        data: Bytes,
    },
}

/// What becomes of a copyup that has to fill an object and has nothing but zeros to fill it with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AllZeros {
    /// The object is created all the same.
    #[default]
    Create,
    /// `ENODATA`.
    Refuse,
}

/// Whether the sources of a copyup will probably be read again soon, by whomever. An engine with a
/// cache keeps what it has read of them then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceReads {
    #[default]
    Again,
    Once,
}

/// Whether creating what exists is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CreateMode {
    /// `EEXIST` when the object exists.
    Exclusive,
    /// No error when it exists.
    IfAbsent,
}

/// A range of another object, at a snapshot, that becomes part of a new object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyupPiece {
    pub source: ObjectId,
    pub snap: SnapId,
    /// Where the range begins in the source, in bytes.
    pub source_offset: u64,
    /// Where it goes.
    pub offset: u64,
    /// In bytes; what lies beyond the end of the source is a hole.
    pub length: u64,
}
