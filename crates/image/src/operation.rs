//! The verbs, one a file: each plans, runs Ceph's order of steps, and flushes once at its end.
//!
//! Metadata steps are sent in order (`Ordered`), so that whatever a power cut leaves is a prefix of
//! the verb: a state that Ceph's own crashes leave, too. What fails is undone from the last step
//! back to the first; an error while undoing is not reported, the first one is.

pub mod children;
mod claim;
pub mod clone;
pub mod copy;
pub mod create;
mod detach;
pub mod disk_usage;
mod erase;
pub mod feature;
pub mod flatten;
pub mod group;
pub mod image_meta;
pub mod layout;
pub mod lock;
mod object_history;
pub mod object_map;
mod owner_verbs;
pub mod remove;
pub mod rename;
pub mod resize;
pub mod snapshot;
pub mod sparsify;
pub mod trash;

pub use children::{Child, children};
pub use claim::ClaimError;
pub use clone::{CloneError, CloneOptions, CloneSource, CloneTarget, clone};
pub use copy::{CopyError, copy};
pub use create::{CreateError, CreateFormat, CreateOptions, create};
pub use disk_usage::{Precision, Usage, UsageError, UsageOptions, disk_usage};
pub use flatten::{FlattenError, flatten};
pub use layout::Layout;
pub use remove::{RemoveError, remove};
pub use rename::{RenameError, rename};
pub use resize::{ResizeError, ResizeOptions, resize};
pub use sparsify::{SparsifyError, sparsify};

pub(crate) use owner_verbs::Verbs;

#[cfg(test)]
mod tests;
