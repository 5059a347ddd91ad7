//! What a pool knows of its images: directories, namespaces, links from parents to clones.
//!
//! Everything here works on a pool or a namespace, without an opened image.

pub mod children;
pub mod directory;
pub(crate) mod format_1;
pub(crate) mod image_id;
pub mod init;
pub mod mirroring;
pub mod namespace;
pub mod trash;
