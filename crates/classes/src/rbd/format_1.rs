//! Snapshots of an image of format 1: its header is data, read and written whole.

use marcot_format::call::format_1::{SnapAdd, SnapList, SnapRemove, SnapRename};
use marcot_format::format_1::{Format1Header, Format1Snapshot, Format1SnapshotList};
use marcot_format::wire::{Decode, Encode};
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use super::snapshot_limit;
use crate::method::{Entry, Method};

pub(super) const METHODS: [Entry; 4] = [
    Entry::of::<SnapList>(),
    Entry::of::<SnapAdd>(),
    Entry::of::<SnapRemove>(),
    Entry::of::<SnapRename>(),
];

/// How many snapshots a header of format 1 tells of: none where there is no data.
pub(super) fn snapshot_count(object: &mut dyn ObjectContext) -> Result<u64, Errno> {
    if size(object)? == 0 { Ok(0) } else { Ok(load(object)?.snapshots.len() as u64) }
}

fn size(object: &mut dyn ObjectContext) -> Result<u64, Errno> {
    match object.stat() {
        Err(Errno::NOENT) => Ok(0),
        stat => Ok(stat?.size),
    }
}

/// `EINVAL` for what is no header, and for an object that does not exist.
fn load(object: &mut dyn ObjectContext) -> Result<Format1Header, Errno> {
    let size = size(object)?;
    if size == 0 {
        return Err(Errno::INVAL);
    }
    Format1Header::from_bytes(&object.read(0, size)?).map_err(|_| Errno::INVAL)
}

/// A zero byte ends a name in the header, so that none can hold one.
fn check_new_name(header: &Format1Header, name: &str) -> Result<(), Errno> {
    if name.contains('\0') {
        Err(Errno::INVAL)
    } else if header.snapshots.iter().any(|other| other.name == name) {
        Err(Errno::EXIST)
    } else {
        Ok(())
    }
}

impl Method for SnapList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<Format1SnapshotList, Errno> {
        let Format1Header { snap_seq, snapshots, .. } = load(object)?;
        Ok(Format1SnapshotList { snap_seq, snapshots })
    }
}

impl Method for SnapAdd {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let mut header = load(object)?;
        if self.snap_id < header.snap_seq {
            return Err(Errno::STALE);
        }
        check_new_name(&header, &self.name)?;
        if header.snapshots.len() as u64 >= snapshot_limit::limit(object)? {
            return Err(Errno::DQUOT);
        }
        let added = Format1Snapshot { id: self.snap_id, size: header.size, name: self.name };
        header.snapshots.insert(0, added);
        header.snap_seq = self.snap_id;
        object.write_full(&header.to_bytes())
    }
}

impl Method for SnapRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let mut header = load(object)?;
        let found = header.snapshots.iter().position(|snapshot| snapshot.name == self.name);
        header.snapshots.remove(found.ok_or(Errno::NOENT)?);
        object.write_full(&header.to_bytes())
    }
}

impl Method for SnapRename {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let mut header = load(object)?;
        let found = header.snapshots.iter().position(|snapshot| snapshot.id == self.snap_id);
        let found = found.ok_or(Errno::NOENT)?;
        check_new_name(&header, &self.name)?;
        header.snapshots[found].name = self.name;
        object.write_full(&header.to_bytes())
    }
}
