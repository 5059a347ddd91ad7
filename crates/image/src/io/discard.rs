//! Giving ranges back, and zeroing them. Both read as zeros afterwards, never as the parent.

use std::sync::Arc;

use marcot_format::object_map::ObjectState;
use marcot_store::op::CreateMode;
use marcot_store::{Errno, WriteStep};

use super::IoError;
use super::border::check_range;
use super::pieces::for_each_piece;
use super::plan::{DiscardStep, plan_discard};
use crate::extents::{ImageExtent, ObjectExtent};
use crate::image::{Current, Image};

impl Image {
    /// Gives a range back. With `rbd_skip_partial_discard` only whole units of the discard
    /// granularity go; the rest keeps its bytes.
    pub async fn discard(&self, offset: u64, length: u64) -> Result<(), IoError> {
        let (extent, granularity) = (ImageExtent { offset, length }, self.discard_granularity());
        self.finish(|image| async move { image.discard_units(extent, granularity).await }).await
    }

    /// Makes a range read as zeros, to the byte, with as little space as possible.
    pub async fn write_zeroes(&self, offset: u64, length: u64) -> Result<(), IoError> {
        let extent = ImageExtent { offset, length };
        self.finish(|image| async move { image.discard_units(extent, 1).await }).await
    }

    /// The smallest unit that a discard gives back, in bytes; larger ones count as one object.
    pub fn discard_granularity(&self) -> u64 {
        let config = self.config();
        if !config.skip_partial_discard {
            return 1;
        }
        let engine = || self.store().capabilities().discard_granularity_bytes;
        let object_size = self.current().header.striping.object_size();
        config.discard_granularity_bytes.unwrap_or_else(engine).clamp(1, object_size)
    }

    async fn discard_units(&self, extent: ImageExtent, granularity: u64) -> Result<(), IoError> {
        let check = |view| check_range(view, extent.offset, extent.length);
        let permit = self.begin_write(check).await?;
        let current = &permit.current;
        self.note_change(&current.config).await;
        let striping = current.header.striping;
        let pieces = striping
            .object_extents(extent)
            .filter_map(|piece| piece.aligned_inwards(granularity, striping.object_size()));
        for_each_piece(pieces, |piece| self.discard_piece(Arc::clone(current), piece)).await
    }

    pub(super) async fn discard_piece(
        &self,
        current: Arc<Current>,
        piece: ObjectExtent,
    ) -> Result<(), IoError> {
        let ObjectExtent { object, offset, length } = piece;
        match plan_discard(current.situation(object), piece) {
            DiscardStep::Skip => Ok(()),
            DiscardStep::Remove => self.remove_object(&current, object).await,
            DiscardStep::Hide => {
                let _inside = self.object_gates().of(object).enter().await;
                current.note_exists(object).await?;
                let empty =
                    vec![WriteStep::Create(CreateMode::IfAbsent), WriteStep::Truncate { size: 0 }];
                Ok(self.send(&current, object, empty).await?)
            }
            DiscardStep::Truncate(_) => {
                let step = WriteStep::Truncate { size: offset };
                self.change_object(current, piece, std::slice::from_ref(&step)).await
            }
            DiscardStep::Zero(_) => {
                let step = WriteStep::Zero { offset, length };
                self.change_object(current, piece, std::slice::from_ref(&step)).await
            }
        }
    }

    /// Removes an object that has no parent. Nothing else happens to it meanwhile, so that the
    /// object map never calls an object nonexistent that a write has just made.
    pub(super) async fn remove_object(
        &self,
        current: &Current,
        number: u64,
    ) -> Result<(), IoError> {
        let _closed = self.object_gates().of(number).close().await;
        if let Some(map) = &current.object_map {
            map.set(number, ObjectState::Pending).await?;
        }
        match self.send(current, number, vec![WriteStep::Remove]).await {
            Err(error) if error.errno == Errno::NOENT => {}
            other => other?,
        }
        if let Some(map) = &current.object_map {
            map.replace(number, ObjectState::Pending, ObjectState::Nonexistent).await?;
        }
        Ok(())
    }
}
