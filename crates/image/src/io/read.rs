//! Reading bytes. A small read of an object that exists is one store read and no copy.

use std::sync::Arc;

use bytes::Bytes;
use marcot_store::{Errno, ReadOp, ReadResult, ReadStep as StoreStep, StoreError};

use super::IoError;
use super::border::check_bytes;
use super::parent::{CHAIN_ATTEMPTS, ParentError};
use super::pieces::collect_pieces;
use super::plan::{Missing, ReadStep, plan_read};
use crate::extents::{ImageExtent, ObjectExtent};
use crate::image::{Current, Image};

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// So many zero bytes.
pub(super) fn zeros(length: u64) -> Bytes {
    match ZEROS.get(..length as usize) {
        Some(zeros) => Bytes::from_static(zeros),
        None => Bytes::from(vec![0; length as usize]),
    }
}

/// The bytes as long as they were asked for: what a store leaves out at the end is zeros.
pub(super) fn padded(data: Bytes, length: u64) -> Bytes {
    if data.len() as u64 >= length {
        return data;
    }
    let mut whole = vec![0; length as usize];
    whole[..data.len()].copy_from_slice(&data);
    Bytes::from(whole)
}

/// What was read, and for which objects the bytes are an ancestor's.
pub(super) struct Found {
    pub(super) data: Bytes,
    pub(super) from_parent: Vec<u64>,
}

impl Found {
    fn own(data: Bytes) -> Found {
        Found { data, from_parent: Vec::new() }
    }
}

impl Image {
    /// Reads `length` bytes at `offset`.
    pub async fn read(&self, offset: u64, length: u64) -> Result<Bytes, IoError> {
        let extent = ImageExtent { offset, length };
        if self.copies_on_read() {
            return self.finish(|image| async move { image.read_and_copy_up(extent).await }).await;
        }
        let current = self.readable().await?;
        self.read_under(current, extent).await.map(|found| found.data)
    }

    pub(super) async fn read_under(
        &self,
        current: Arc<Current>,
        extent: ImageExtent,
    ) -> Result<Found, IoError> {
        check_bytes(current.view, extent.offset, extent.length)?;
        if extent.is_empty() {
            return Ok(Found::own(Bytes::new()));
        }
        self.note_access(&current.config).await;
        let mut pieces = current.header.striping.object_extents(extent);
        match (pieces.next(), pieces.next()) {
            (Some(only), None) => self.read_piece(current, only).await,
            _ => self.read_pieces(current, extent).await,
        }
    }

    async fn read_pieces(
        &self,
        current: Arc<Current>,
        extent: ImageExtent,
    ) -> Result<Found, IoError> {
        let mut buffer = vec![0; extent.length as usize];
        let mut from_parent = Vec::new();
        let striping = current.header.striping;
        let read = |piece| {
            let current = Arc::clone(&current);
            async move { Ok::<_, IoError>((piece, self.read_piece(current, piece).await?)) }
        };
        collect_pieces(striping.object_extents(extent), read, |(piece, found): (_, Found)| {
            let mut taken = 0;
            for range in striping.image_extents(piece) {
                let at = (range.offset - extent.offset) as usize;
                let length = range.length as usize;
                buffer[at..at + length].copy_from_slice(&found.data[taken..taken + length]);
                taken += length;
            }
            from_parent.extend(found.from_parent);
        })
        .await?;
        Ok(Found { data: Bytes::from(buffer), from_parent })
    }

    /// Reads a piece of one object, all of its length.
    async fn read_piece(
        &self,
        mut current: Arc<Current>,
        piece: ObjectExtent,
    ) -> Result<Found, IoError> {
        for _ in 0..CHAIN_ATTEMPTS {
            let step = plan_read(current.situation(piece.object), piece);
            if step == ReadStep::Zero {
                return Ok(Found::own(zeros(piece.length)));
            }
            if let ReadStep::Object { otherwise } = step {
                let own = self.read_own(&current, piece).await?;
                if own.is_none() {
                    self.check_not_removed(current.view.snap).await?;
                }
                match (own, otherwise) {
                    (Some(data), _) => return Ok(Found::own(padded(data, piece.length))),
                    (None, Missing::Zero) => return Ok(Found::own(zeros(piece.length))),
                    (None, Missing::Parent) => {}
                }
            }
            match self.read_parent(&current, piece).await {
                Ok(Some(data)) => return Ok(Found { data, from_parent: vec![piece.object] }),
                Ok(None) => return Ok(Found::own(zeros(piece.length))),
                Err(ParentError::ChainChanged) => {
                    self.refresh().await?;
                    current = self.fresh().await?;
                }
                Err(ParentError::Io(error)) => return Err(error),
            }
        }
        Err(self.chain_unsteady())
    }

    /// `None` when the image has no such object.
    async fn read_own(
        &self,
        current: &Current,
        piece: ObjectExtent,
    ) -> Result<Option<Bytes>, IoError> {
        let object = current.header.data_object(piece.object);
        let step = StoreStep::Read { offset: piece.offset, length: piece.length };
        let read = self.store().read(&object, current.view.snap, ReadOp::single(step)).await;
        data_of(read)
    }
}

/// The bytes of a read of one step; `None` when there is no such object.
pub(super) fn data_of(read: Result<Vec<ReadResult>, StoreError>) -> Result<Option<Bytes>, IoError> {
    match read {
        Ok(mut results) => match results.pop() {
            Some(ReadResult::Data(data)) => Ok(Some(data)),
            other => {
                let context = format!("a read was answered with {other:?}");
                Err(StoreError::new(Errno::IO, context).into())
            }
        },
        Err(error) if error.errno == Errno::NOENT => Ok(None),
        Err(error) => Err(error.into()),
    }
}
