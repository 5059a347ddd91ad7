//! Changes that each kind of header keeps in its own way, as steps on the header object.

use marcot_format::Encode;
use marcot_format::call::format_1::{SnapAdd, SnapRemove, SnapRename};
use marcot_format::call::header::SetSize;
use marcot_format::call::snapshot::{SnapshotAdd, SnapshotRemove, SnapshotRename};
use marcot_format::format_1::SIZE_OFFSET;
use marcot_format::snapshot::SnapshotNamespace;
use marcot_format::wire::Trailing;
use marcot_store::{SnapId, WriteStep};

use super::{Header, ImageFormat, Snapshot};
use crate::class_call::exec;

impl Header {
    /// Makes the head `size` bytes long.
    pub(crate) fn set_size(&self, size: u64) -> WriteStep {
        match self.format {
            ImageFormat::V1 => {
                WriteStep::Write { offset: SIZE_OFFSET, data: size.to_bytes().into() }
            }
            ImageFormat::V2 => exec(&SetSize { size }),
        }
    }

    /// Adds a snapshot; format 1 knows users' only. `ESTALE` when there is a newer one.
    pub(crate) fn add_snapshot(
        &self,
        snap: SnapId,
        name: &str,
        namespace: &SnapshotNamespace,
    ) -> WriteStep {
        let (name, snap_id) = (name.to_owned(), snap.0);
        match self.format {
            ImageFormat::V1 => exec(&SnapAdd { name, snap_id }),
            ImageFormat::V2 => {
                exec(&SnapshotAdd { name, snap_id, namespace: Trailing(Some(namespace.clone())) })
            }
        }
    }

    pub(crate) fn remove_snapshot(&self, snapshot: &Snapshot) -> WriteStep {
        match self.format {
            ImageFormat::V1 => exec(&SnapRemove { name: snapshot.name.clone() }),
            ImageFormat::V2 => exec(&SnapshotRemove { snap_id: snapshot.id.0 }),
        }
    }

    pub(crate) fn rename_snapshot(&self, snapshot: &Snapshot, name: &str) -> WriteStep {
        let (name, snap_id) = (name.to_owned(), snapshot.id.0);
        match self.format {
            ImageFormat::V1 => exec(&SnapRename { snap_id, name }),
            ImageFormat::V2 => exec(&SnapshotRename { snap_id, name }),
        }
    }
}
