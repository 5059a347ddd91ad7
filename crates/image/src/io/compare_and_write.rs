//! Comparing and writing in one atomic step.

use std::sync::Arc;

use bytes::Bytes;
use marcot_store::{Errno, StoreError, WriteStep};

use super::IoError;
use super::border::check_bytes;
use super::parent::{CHAIN_ATTEMPTS, ParentError};
use super::plan;
use crate::extents::{ImageExtent, ObjectExtent};
use crate::image::{Current, Image};

impl Image {
    /// Writes `data` at `offset` if the bytes there are those of `compare`, which is as long.
    /// The range must lie within one stripe unit.
    pub async fn compare_and_write(
        &self,
        offset: u64,
        compare: Bytes,
        data: Bytes,
    ) -> Result<(), IoError> {
        self.finish(|image| async move { image.compare_here(offset, compare, data).await }).await
    }

    async fn compare_here(&self, offset: u64, compare: Bytes, data: Bytes) -> Result<(), IoError> {
        let length = data.len() as u64;
        let permit = self.begin_write(|view| check_bytes(view, offset, length)).await?;
        let mut current = Arc::clone(&permit.current);
        self.note_change(&current.config).await;
        let striping = current.header.striping;
        let mut pieces = striping.pieces(ImageExtent { offset, length });
        let piece = match (pieces.next(), pieces.next()) {
            (Some((_, only)), None) if compare.len() == data.len() => only,
            (None, _) if compare.is_empty() => return Ok(()),
            _ => return Err(IoError::CrossesStripeUnit { offset, length }),
        };
        let steps = [
            WriteStep::CompareExtent { offset: piece.offset, data: compare },
            WriteStep::Write { offset: piece.offset, data },
        ];
        for _ in 0..CHAIN_ATTEMPTS {
            match self.try_compare(&current, piece, &steps).await {
                Ok(()) => return Ok(()),
                Err(ParentError::ChainChanged) => {
                    self.refresh().await?;
                    current = self.current();
                }
                Err(ParentError::Io(IoError::Store(error))) if error.errno == Errno::ILSEQ => {
                    return Err(mismatch(error, offset, piece));
                }
                Err(ParentError::Io(error)) => return Err(error),
            }
        }
        Err(self.chain_unsteady())
    }

    /// The comparison sees the object as it was before the operation, so that a copyup has to be
    /// an operation of its own before it.
    async fn try_compare(
        &self,
        current: &Current,
        piece: ObjectExtent,
        steps: &[WriteStep],
    ) -> Result<(), ParentError> {
        let number = piece.object;
        {
            let _inside = self.object_gates().of(number).enter().await;
            let situation = current.situation(number);
            current.note_exists(number).await?;
            if situation.overlap == 0 {
                return Ok(self.send(current, number, steps.to_vec()).await?);
            }
            let absent = situation.existence == plan::Existence::Absent;
            if !absent && self.send_guarded(current, number, steps).await? {
                return Ok(());
            }
        }
        self.copyup_and_change(current, number, &[]).await?;
        let _inside = self.object_gates().of(number).enter().await;
        Ok(self.send(current, number, steps.to_vec()).await?)
    }
}

fn mismatch(error: StoreError, offset: u64, piece: ObjectExtent) -> IoError {
    let within = error.mismatch_offset.map_or(0, |at| at.saturating_sub(piece.offset));
    IoError::Mismatch { offset: offset + within }
}
