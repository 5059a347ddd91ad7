//! Verbs on snapshots.

pub mod create;
pub mod force;
pub mod limit;
pub mod list;
pub mod protect;
pub mod purge;
pub mod remove;
pub mod rename;
pub mod rollback;
pub mod unprotect;

pub use create::{CreateSnapshotError, CreateSnapshotOptions, create, create_with};
pub use force::{ForceRemoveError, force_remove};
pub use limit::{LimitError, clear_limit, limit, set_limit};
pub use list::{Scope, list};
pub use protect::{ProtectError, protect};
pub use purge::{PurgeOutcome, purge};
pub use remove::{RemoveSnapshotError, remove, remove_by_id};
pub use rename::{RenameSnapshotError, rename};
pub use rollback::{RollbackError, rollback};
pub use unprotect::{UnprotectError, unprotect};

pub(crate) use create::take;
pub(crate) use remove::remove_by_id_unsynced;
pub(crate) use rollback::rollback_claimed;
