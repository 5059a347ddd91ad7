//! Writing bytes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use marcot_store::WriteStep;

use super::IoError;
use super::border::check_bytes;
use super::pieces::for_each_piece;
use crate::extents::{ImageExtent, ObjectExtent};
use crate::image::Image;
use crate::striping::Striping;

impl Image {
    /// Writes `data` at `offset`. Acknowledged when the store has it; durable after a flush.
    pub async fn write(&self, offset: u64, data: Bytes) -> Result<(), IoError> {
        self.finish(|image| async move { image.write_here(offset, data).await }).await
    }

    async fn write_here(&self, offset: u64, data: Bytes) -> Result<(), IoError> {
        let length = data.len() as u64;
        let permit = self.begin_write(|view| check_bytes(view, offset, length)).await?;
        let current = &permit.current;
        self.note_change(&current.config).await;
        let extent = ImageExtent { offset, length };
        let striping = current.header.striping;
        let change = |piece: ObjectExtent, data: Bytes| {
            let current = Arc::clone(current);
            async move {
                let step = WriteStep::Write { offset: piece.offset, data };
                self.change_object(current, piece, std::slice::from_ref(&step)).await
            }
        };
        let mut pieces = striping.object_extents(extent);
        match (pieces.next(), pieces.next()) {
            (None, _) => Ok(()),
            (Some(only), None) => change(only, gather(striping, only, offset, &data)).await,
            _ => {
                for_each_piece(striping.object_extents(extent), |piece| {
                    change(piece, gather(striping, piece, offset, &data))
                })
                .await
            }
        }
    }
}

/// The bytes of `data`, which begins at `offset` of the image, that go to `piece`.
fn gather(striping: Striping, piece: ObjectExtent, offset: u64, data: &Bytes) -> Bytes {
    let slice = |range: ImageExtent| {
        let at = (range.offset - offset) as usize;
        data.slice(at..at + range.length as usize)
    };
    let mut ranges = striping.image_extents(piece);
    match (ranges.next(), ranges.next()) {
        (None, _) => Bytes::new(),
        (Some(only), None) => slice(only),
        _ => {
            let mut gathered = BytesMut::with_capacity(piece.length as usize);
            striping.image_extents(piece).for_each(|range| gathered.extend(slice(range)));
            gathered.freeze()
        }
    }
}
