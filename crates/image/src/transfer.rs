//! Images in and out: raw files and streams; whole pools from store to store.
//!
//! Holes stay holes both ways. Where bytes come from and go to is the front end's affair
//! ([`Source`], [`Sink`]).

pub(crate) mod chunks;
mod export;
mod import;
pub mod pools;
pub(crate) mod runs;
mod sink;
mod source;

pub use export::{ExportError, export};
pub use import::{ImportError, ImportOptions, import};
pub use sink::Sink;
pub use source::Source;
