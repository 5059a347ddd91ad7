//! Snapshots.
//!
//! A stored snapshot is shown with its namespace and time, as releases after 16.2 do: they are
//! what people look for. One of version 7 or older shows its parent as `parent_overlap` alone:
//! nothing else of it is ever used.

use marcot_format::snapshot::{
    MirrorSnapshot, MirrorSnapshotState, ProtectionStatus, Snapshot, SnapshotInfo,
    SnapshotNamespace,
};

use super::{Dump, Fields, snap_seqs};
use crate::render::Value;
use crate::time;

impl Dump for Snapshot {
    fn fields(&self) -> Fields {
        let protection = match self.protection {
            ProtectionStatus::Unprotected => "unprotected",
            ProtectionStatus::Unprotecting => "unprotecting",
            ProtectionStatus::Protected => "protected",
        };
        let mut fields = vec![
            ("id", Value::Number(self.id)),
            ("name", Value::text(&self.name)),
            ("image_size", Value::Number(self.image_size)),
            ("protection_status", Value::text(protection)),
            ("namespace", Value::Object(self.namespace.fields())),
            ("timestamp", Value::Text(time::exact(self.timestamp))),
            ("child_count", Value::Number(u64::from(self.child_count))),
        ];
        fields.extend(self.parent_overlap.map(|bytes| ("parent_overlap", Value::Number(bytes))));
        fields
    }
}

impl Dump for SnapshotInfo {
    fn fields(&self) -> Fields {
        vec![
            ("id", Value::Number(self.id)),
            ("namespace", Value::Object(namespace("type", &self.namespace))),
            ("name", Value::text(&self.name)),
            ("image_size", Value::Number(self.image_size)),
            ("timestamp", Value::Text(time::exact(self.timestamp))),
        ]
    }
}

impl Dump for SnapshotNamespace {
    fn fields(&self) -> Fields {
        namespace("snapshot_namespace_type", self)
    }
}

/// The fields of a namespace, the first of which has a name that depends on where it stands.
fn namespace(type_field: &'static str, namespace: &SnapshotNamespace) -> Fields {
    let mut fields = vec![(type_field, Value::text(type_name(namespace.number())))];
    match namespace {
        SnapshotNamespace::User | SnapshotNamespace::Unknown { .. } => {}
        SnapshotNamespace::Group { pool_id, group_id, group_snap_id } => fields.extend([
            ("group_pool", Value::Signed(*pool_id)),
            ("group_id", Value::text(group_id)),
            ("group_snapshot_id", Value::text(group_snap_id)),
        ]),
        SnapshotNamespace::Trash { original_name, original_type } => fields.extend([
            ("original_name", Value::text(original_name)),
            ("original_snapshot_namespace", Value::text(type_name(*original_type))),
        ]),
        SnapshotNamespace::Mirror(mirror) => fields.extend(mirror.fields()),
    }
    fields
}

fn type_name(number: u32) -> &'static str {
    match number {
        SnapshotNamespace::USER => "user",
        SnapshotNamespace::GROUP => "group",
        SnapshotNamespace::TRASH => "trash",
        SnapshotNamespace::MIRROR => "mirror",
        _ => "unknown",
    }
}

impl Dump for MirrorSnapshot {
    fn fields(&self) -> Fields {
        let (state, primary) = match self.state {
            MirrorSnapshotState::Primary => ("primary", true),
            MirrorSnapshotState::PrimaryDemoted => ("primary (demoted)", true),
            MirrorSnapshotState::NonPrimary => ("non-primary", false),
            MirrorSnapshotState::NonPrimaryDemoted => ("non-primary (demoted)", false),
        };
        let peers = self.mirror_peer_uuids.iter().map(Value::text);
        let mut fields = vec![
            ("state", Value::text(state)),
            ("complete", Value::Bool(self.complete)),
            ("mirror_peer_uuids", Value::list("mirror_peer_uuid", peers)),
        ];
        if primary {
            // One stored number with two meanings.
            fields.push(("clean_since_snap_id", Value::Number(self.primary_snap_id)));
        } else {
            fields.extend([
                ("primary_mirror_uuid", Value::text(&self.primary_mirror_uuid)),
                ("primary_snap_id", Value::Number(self.primary_snap_id)),
                ("last_copied_object_number", Value::Number(self.last_copied_object_number)),
                ("snap_seqs", snap_seqs(&self.snap_seqs)),
            ]);
        }
        fields
    }
}
