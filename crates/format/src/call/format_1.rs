//! Calls on `<name>.rbd`, the header of an image of format 1.

use crate::format_1::Format1SnapshotList;

calls! {
    SnapList = read "rbd" "snap_list" {} -> Format1SnapshotList;
    /// `EEXIST` for a taken name.
    SnapAdd = write "rbd" "snap_add" { name: String, snap_id: u64 } -> ();
    /// `ENOENT`.
    SnapRemove = write "rbd" "snap_remove" { name: String } -> ();
    /// `ENOENT`, `EEXIST` for a taken name.
    SnapRename = write "rbd" "snap_rename" { snap_id: u64, name: String } -> ();
}
