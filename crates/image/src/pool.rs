//! What a pool knows of its images: directories, groups, namespaces, links from parents to clones.
//!
//! Everything here works on a pool or a namespace, without an opened image.

pub mod children;
pub mod directory;
pub(crate) mod format_1;
pub mod group;
pub(crate) mod image_id;
pub mod init;
pub mod mirroring;
pub mod namespace;
pub mod stats;
pub mod trash;
