//! `rbd_clone_copy_on_read`: what is read of a parent becomes the clone's own.
//!
//! A write in disguise: it needs the exclusive lock, and no snapshot is taken meanwhile. Reading
//! needs neither, so that where they cannot be had the bytes are read and nothing is copied.

use std::sync::Arc;

use bytes::Bytes;
use marcot_format::features::Features;
use marcot_format::object_map::ObjectState;

use super::IoError;
use super::border::check_bytes;
use super::pieces::for_each_piece;
use crate::extents::ImageExtent;
use crate::image::{Current, Image};

impl Image {
    /// Whether reads of this handle are to copy up.
    pub(super) fn copies_on_read(&self) -> bool {
        let current = self.current();
        current.config.clone_copy_on_read && current.header.parent.is_some() && self.is_writable()
    }

    /// Reads, then copies up the objects whose bytes came from an ancestor.
    pub(super) async fn read_and_copy_up(&self, extent: ImageExtent) -> Result<Bytes, IoError> {
        let check = |view| check_bytes(view, extent.offset, extent.length);
        let permit = match self.begin_write(check).await {
            Ok(permit) => permit,
            Err(error) => {
                tracing::debug!(%error, "read without copying up");
                let current = self.readable().await?;
                return self.read_under(current, extent).await.map(|found| found.data);
            }
        };
        let found = self.read_under(Arc::clone(&permit.current), extent).await?;
        let copyups = for_each_piece(found.from_parent.into_iter(), |number| {
            self.copy_up_after_read(Arc::clone(&permit.current), number)
        });
        if let Err(error) = copyups.await {
            // What was asked for has been read.
            tracing::warn!(%error, "objects that were read were not copied up");
        }
        Ok(found.data)
    }

    async fn copy_up_after_read(&self, current: Arc<Current>, number: u64) -> Result<(), IoError> {
        let header = &current.header;
        let fast_diff = header.features.contains(Features::FAST_DIFF);
        // The oldest snapshot has it from now on; nothing has changed since.
        let state = match fast_diff && !header.snap_context.snaps.is_empty() {
            true => ObjectState::ExistsClean,
            false => ObjectState::Exists,
        };
        self.copyup_object(&current, number, state).await.map(drop)
    }
}
