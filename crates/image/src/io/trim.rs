//! Removing data objects beyond a new, smaller size.

use std::sync::Arc;

use marcot_format::object_map::ObjectState;

use super::IoError;
use crate::extents::ObjectExtent;
use crate::image::{Current, Image};
use crate::progress::Progress;
use crate::visit::Visit;

impl Image {
    /// Makes everything from `size` to the present end go, before the header says so. Where
    /// snapshots still show the parent its bytes are copied under them first: the overlap is
    /// about to shrink, and a later rollback must find them.
    ///
    /// The caller runs as the lock's owner and holds writes back ([`Image::quiesce`]).
    pub(crate) async fn trim_objects(
        &self,
        size: u64,
        progress: &dyn Progress,
    ) -> Result<(), IoError> {
        let current = self.fresh().await?;
        let striping = current.header.striping;
        let count = striping.object_count(current.view.size);
        // The lowest object that has bytes beyond the new size: whole sets are striped over.
        let first = match striping.is_plain() {
            true => size >> striping.order(),
            false => {
                size / (striping.object_size() * striping.stripe_count()) * striping.stripe_count()
            }
        };
        let at_once = self.config().concurrent_management_ops.max(1);
        let work = |number| self.trim_object(Arc::clone(&current), number, size);
        Visit { at_once, count: count.saturating_sub(first), progress }
            .each(first..count, work)
            .await
    }

    async fn trim_object(
        &self,
        current: Arc<Current>,
        number: u64,
        size: u64,
    ) -> Result<(), IoError> {
        let striping = current.header.striping;
        let object_size = striping.object_size();
        let kept = striping.object_bytes_below(number, size);
        if kept == object_size {
            return Ok(());
        }
        if kept > 0 && kept == striping.object_bytes_below(number, current.view.size) {
            // Of a striped object the image has no bytes between the two sizes.
            return Ok(());
        }
        let situation = current.situation(number);
        if situation.has_snapshots && situation.overlap > kept {
            self.copyup_object(&current, number, ObjectState::Exists).await?;
        }
        if kept == 0 {
            return match situation.existence {
                super::plan::Existence::Absent if situation.overlap == 0 => Ok(()),
                _ => self.remove_object(&current, number).await,
            };
        }
        let piece = ObjectExtent { object: number, offset: kept, length: object_size - kept };
        self.discard_piece(current, piece).await
    }
}
