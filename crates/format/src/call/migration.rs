//! Calls on a header object: an image on its way to another place.

use crate::migration::{MigrationSpec, MigrationState};

calls! {
    /// `EEXIST` when there is one. Sets the feature migrating.
    MigrationSet = write "rbd" "migration_set" { spec: MigrationSpec } -> ();
    /// `EINVAL` when there is none.
    MigrationSetState = write "rbd" "migration_set_state" {
        state: MigrationState,
        description: String,
    } -> ();
    /// `EINVAL` when there is none.
    MigrationGet = read "rbd" "migration_get" {} -> MigrationSpec;
    /// Clears the feature migrating.
    MigrationRemove = write "rbd" "migration_remove" {} -> ();
}
