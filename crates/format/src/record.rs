//! Every record by name: for tests and fuzzers, which treat all of them alike, and as the table of
//! what is kept where and which file says how.

use crate::call::lock::LockNames;
use crate::children::{ChildImageSpec, ChildrenKey};
use crate::directory::DirectoryState;
use crate::entity::{EntityAddress, EntityInstance, EntityName};
use crate::features::{Features, Flags, OpFeatures};
use crate::format_1::{Format1Directory, Format1Header};
use crate::group::{
    GroupImageSpec, GroupImageState, GroupImageStatus, GroupSnapshot, GroupSpec, ImageSnapshotSpec,
};
use crate::journal::{
    JournalClient, JournalClientData, JournalEntry, JournalEvent, JournalTag, JournalTagData,
    ObjectPosition, ObjectSetPosition,
};
use crate::lock::{LockInfo, LockerId, LockerInfo};
use crate::mgr::{Schedule, Task};
use crate::migration::MigrationSpec;
use crate::mirror::{
    ImageState, ImageStateObject, MirrorImage, MirrorImageMap, MirrorImageSiteStatus,
    MirrorImageSiteStatusOnDisk, MirrorImageStatus, MirrorMode, MirrorNotification, MirrorPeer,
    MirrorUuid, PolicyData, SnapState,
};
use crate::notify::{AsyncRequest, ImageClient, NotifyMessage, NotifyResponse};
use crate::object_map::{ObjectMap, UncheckedObjectMap};
use crate::parent::{Parent, ParentImageSpec};
use crate::snapshot::{ProtectionStatus, Snapshot, SnapshotInfo, SnapshotNamespace};
use crate::trash::{TrashImageSpec, TrashNotification};
use crate::{Decode, DecodeError, Encode, Utime};

/// One record.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// That of its type.
    pub name: &'static str,
    /// The objects and keys that hold it; what passes it, if it is never stored.
    pub kept_in: &'static str,
    /// The file of this crate's sources.
    pub file: &'static str,
    /// The page of docs/formats.
    pub page: &'static str,
    /// Reads the record and writes it again, as the newest version that Pacific writes.
    pub rewrite: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
}

impl Record {
    /// The record with that name.
    pub fn find(name: &str) -> Option<&'static Record> {
        ALL.iter().find(|record| record.name == name)
    }
}

/// What holds for any bytes, of whatever decoder: they are refused, or they are one record, and what
/// is written of it is read as the same.
///
/// # Panics
///
/// When it does not hold. For tests and fuzzers.
pub fn check(rewrite: fn(&[u8]) -> Result<Vec<u8>, DecodeError>, bytes: &[u8]) {
    if let Ok(written) = rewrite(bytes) {
        assert_eq!(rewrite(&written).as_ref(), Ok(&written), "of {bytes:02x?}");
    }
}

fn rewrite<T: Encode + Decode>(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    T::from_bytes(bytes).map(|record| record.to_bytes())
}

macro_rules! records {
    ($($page:literal { $($type:ty = $name:literal, $file:literal, $kept_in:literal;)* })*) => {
        /// All of them, by page.
        pub const ALL: &[Record] = &[$($(
            Record {
                name: $name,
                kept_in: $kept_in,
                file: $file,
                page: $page,
                rewrite: rewrite::<$type>,
            },
        )*)*];
    };
}

records! {
    "encoding.md" {
        u8 = "u8", "wire/primitive.rs", "order, splay_width";
        i64 = "i64", "wire/primitive.rs", "data_pool_id, pool_id";
        u64 = "u64", "wire/primitive.rs", "size, snap_seq, stripe_unit, stripe_count, snap_limit, minimum_set, active_set, next_tag_tid, next_tag_class; very old rbd_info";
        String = "String", "wire/primitive.rs", "rbd_id.<name>; name_<name>, id_<id>, object_prefix, global_<id>";
        Utime = "Utime", "time.rs", "create_timestamp, access_timestamp, modify_timestamp";
        EntityName = "EntityName", "entity.rs", "part of locks and mirror status";
        EntityAddress = "EntityAddress", "entity.rs", "part of locks and mirror status";
        EntityInstance = "EntityInstance", "entity.rs", "part of mirror status";
    }
    "header.md" {
        Features = "Features", "features.rs", "rbd_header.<id>: features";
        OpFeatures = "OpFeatures", "features.rs", "rbd_header.<id>: op_features";
        Flags = "Flags", "features.rs", "rbd_header.<id>: flags";
    }
    "directory.md" {
        DirectoryState = "DirectoryState", "directory.rs", "rbd_directory: state";
        TrashImageSpec = "TrashImageSpec", "trash.rs", "rbd_trash: id_<image id>";
        TrashNotification = "TrashNotification", "trash/notify.rs", "notification on rbd_trash";
    }
    "parent.md" {
        Parent = "Parent", "parent.rs", "rbd_header.<id>: parent";
        ParentImageSpec = "ParentImageSpec", "parent.rs", "calls";
    }
    "snapshot.md" {
        Snapshot = "Snapshot", "snapshot.rs", "rbd_header.<id>: snapshot_<snap id>";
        ProtectionStatus = "ProtectionStatus", "snapshot.rs", "part of a snapshot";
        SnapshotNamespace = "SnapshotNamespace", "snapshot/namespace.rs", "part of a snapshot";
        SnapshotInfo = "SnapshotInfo", "snapshot/info.rs", "calls";
    }
    "children.md" {
        ChildrenKey = "ChildrenKey", "children.rs", "rbd_children: keys";
        std::collections::BTreeSet<String> = "ChildrenOfSnapshot", "children.rs", "rbd_children: values";
        std::collections::BTreeSet<ChildImageSpec> = "ChildrenOfSnapshotV2", "children.rs", "rbd_header.<id>: snap_children_<snap id>";
        ChildImageSpec = "ChildImageSpec", "children.rs", "part of the set above";
    }
    "object-map.md" {
        ObjectMap = "ObjectMap", "object_map.rs", "rbd_object_map.<id>, rbd_object_map.<id>.<snap id>";
        UncheckedObjectMap = "UncheckedObjectMap", "object_map.rs", "calls";
    }
    "lock.md" {
        LockInfo = "LockInfo", "lock.rs", "attribute lock.<name>";
        LockerId = "LockerId", "lock.rs", "part of a lock";
        LockerInfo = "LockerInfo", "lock.rs", "part of a lock";
        LockNames = "LockNames", "call/lock.rs", "calls";
    }
    "group.md" {
        GroupSpec = "GroupSpec", "group.rs", "rbd_header.<id>: rbd_group_ref";
        GroupImageState = "GroupImageState", "group/image.rs", "rbd_group_header.<id>: image_<pool>_<image id>";
        GroupImageSpec = "GroupImageSpec", "group/image.rs", "calls";
        GroupImageStatus = "GroupImageStatus", "group/image.rs", "calls";
        GroupSnapshot = "GroupSnapshot", "group/snapshot.rs", "rbd_group_header.<id>: snapshot_<id>";
        ImageSnapshotSpec = "ImageSnapshotSpec", "group/snapshot.rs", "part of a group snapshot";
    }
    "migration.md" {
        MigrationSpec = "MigrationSpec", "migration.rs", "rbd_header.<id>: migration";
    }
    "mirror.md" {
        MirrorUuid = "MirrorUuid", "mirror/mode.rs", "rbd_mirroring: mirror_uuid";
        MirrorMode = "MirrorMode", "mirror/mode.rs", "rbd_mirroring: mirror_mode";
        MirrorPeer = "MirrorPeer", "mirror/peer.rs", "rbd_mirroring: mirror_peer_<uuid>";
        MirrorImage = "MirrorImage", "mirror/image.rs", "rbd_mirroring: image_<image id>";
        MirrorImageSiteStatusOnDisk = "MirrorImageSiteStatusOnDisk", "mirror/site_status.rs", "rbd_mirroring: status_global_<id>, remote_status_global_<id>_<uuid>";
        MirrorImageSiteStatus = "MirrorImageSiteStatus", "mirror/site_status.rs", "part of the above; calls";
        MirrorImageStatus = "MirrorImageStatus", "mirror/status.rs", "calls";
        MirrorImageMap = "MirrorImageMap", "mirror/image_map.rs", "rbd_mirroring: image_map_<id>";
        PolicyData = "PolicyData", "mirror/policy.rs", "part of the above";
        ImageStateObject = "ImageStateObject", "mirror/image_state.rs", "rbd_mirror_snapshot.<image id>.<snap id>.0";
        ImageState = "ImageState", "mirror/image_state.rs", "rbd_mirror_snapshot.<image id>.<snap id>.<n>";
        SnapState = "SnapState", "mirror/image_state.rs", "part of the above";
        MirrorNotification = "MirrorNotification", "mirror/notify.rs", "notification on rbd_mirroring";
    }
    "journal.md" {
        JournalClient = "JournalClient", "journal/client.rs", "journal.<id>: client_<id>";
        ObjectSetPosition = "ObjectSetPosition", "journal/client.rs", "part of the above; calls";
        ObjectPosition = "ObjectPosition", "journal/client.rs", "part of the above";
        JournalClientData = "JournalClientData", "journal/client_data.rs", "part of a client";
        JournalTag = "JournalTag", "journal/tag.rs", "journal.<id>: tag_<tid>";
        JournalTagData = "JournalTagData", "journal/tag.rs", "part of a tag";
        JournalEntry = "JournalEntry", "journal/entry.rs", "journal_data.<pool>.<id>.<n>";
        JournalEvent = "JournalEvent", "journal/event.rs", "part of an entry";
    }
    "mgr.md" {
        Task = "Task", "mgr/task.rs", "rbd_task: <sequence>";
        Schedule = "Schedule", "mgr/schedule.rs", "rbd_mirror_snapshot_schedule, rbd_trash_purge_schedule";
    }
    "format-1.md" {
        Format1Header = "Format1Header", "format_1.rs", "<name>.rbd";
        Format1Directory = "Format1Directory", "format_1.rs", "rbd_directory: data";
    }
    "notify.md" {
        NotifyMessage = "NotifyMessage", "notify.rs", "notification on rbd_header.<id>";
        NotifyResponse = "NotifyResponse", "notify.rs", "acknowledgement of one";
        AsyncRequest = "AsyncRequest", "notify.rs", "part of notifications";
        ImageClient = "ImageClient", "notify.rs", "part of notifications";
    }
}
