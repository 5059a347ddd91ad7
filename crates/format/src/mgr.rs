//! What a Ceph manager keeps in a pool about RBD: JSON, as Python writes it.
//! docs/formats/mgr.md.

mod json;
mod schedule;
mod task;

pub use schedule::{Schedule, ScheduleItem};
pub use task::Task;

/// The object that keeps when mirror snapshots are taken.
pub const MIRROR_SNAPSHOT_SCHEDULE: &str = "rbd_mirror_snapshot_schedule";
/// The object that keeps when the trash is purged.
pub const TRASH_PURGE_SCHEDULE: &str = "rbd_trash_purge_schedule";
