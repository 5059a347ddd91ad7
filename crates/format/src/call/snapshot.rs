//! Calls on a header object: snapshots.

use crate::Utime;
use crate::snapshot::{ProtectionStatus, SnapshotInfo, SnapshotNamespace};
use crate::wire::Trailing;

calls! {
    /// Takes size, flags, overlap and time from the header itself. `ESTALE` when the id is older
    /// than the newest, `EEXIST` when name or id is there, `EDQUOT` at the limit.
    SnapshotAdd = write "rbd" "snapshot_add" {
        name: String,
        snap_id: u64,
        /// A user's snapshot when left out.
        namespace: Trailing<SnapshotNamespace>,
    } -> ();
    /// `EBUSY` while it is protected or has clones.
    SnapshotRemove = write "rbd" "snapshot_remove" { snap_id: u64 } -> ();
    SnapshotRename = write "rbd" "snapshot_rename" { snap_id: u64, name: String } -> ();
    /// Moves a snapshot with clones out of sight. `EBUSY` while it is protected.
    SnapshotTrashAdd = write "rbd" "snapshot_trash_add" { snap_id: u64 } -> ();

    SnapshotGet = read "rbd" "snapshot_get" { snap_id: u64 } -> SnapshotInfo;
    GetSnapshotName = read "rbd" "get_snapshot_name" { snap_id: u64 } -> String;
    GetSnapshotTimestamp = read "rbd" "get_snapshot_timestamp" { snap_id: u64 } -> Utime;

    GetProtectionStatus = read "rbd" "get_protection_status" { snap_id: u64 } -> ProtectionStatus;
    /// `EINVAL` for the head and for statuses that do not exist.
    SetProtectionStatus = write "rbd" "set_protection_status" {
        snap_id: u64,
        status: ProtectionStatus,
    } -> ();

    /// `u64::MAX` when there is none.
    SnapshotGetLimit = read "rbd" "snapshot_get_limit" {} -> u64;
    /// `u64::MAX` removes it. `ERANGE` when there are more already.
    SnapshotSetLimit = write "rbd" "snapshot_set_limit" { limit: u64 } -> ();
}
