//! The snapshots of an image, as people see them.

use marcot_format::snapshot::SnapshotNamespace;

use crate::header::{Header, Snapshot};

/// Which snapshots to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Those that users took by name.
    #[default]
    User,
    /// Also those of groups and mirrors, and those in the trash.
    All,
}

/// The snapshots of an image, oldest first.
pub fn list(header: &Header, scope: Scope) -> Vec<&Snapshot> {
    let shown = |snapshot: &&Snapshot| match scope {
        Scope::User => matches!(snapshot.namespace, SnapshotNamespace::User),
        Scope::All => true,
    };
    header.snapshots.iter().rev().filter(shown).collect()
}
