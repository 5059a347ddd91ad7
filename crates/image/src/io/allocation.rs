//! Which ranges of an image hold data: an object at a time, as far as its size goes.

use std::collections::BTreeMap;
use std::sync::Arc;

use marcot_store::{Errno, ReadOp, ReadResult, ReadStep as StoreStep};

use super::IoError;
use super::border::check_range;
use super::parent::{CHAIN_ATTEMPTS, ParentError, parent_extents};
use super::pieces::collect_pieces;
use super::plan::{Missing, ReadStep, plan_read};
use crate::extents::{Allocation, AllocationList, AllocationState, ImageExtent, ObjectExtent};
use crate::image::{Current, Image};

impl Image {
    /// What of a range may hold data and what certainly reads as zeros, the parent's included.
    pub async fn allocation(&self, offset: u64, length: u64) -> Result<Vec<Allocation>, IoError> {
        let current = self.readable().await?;
        check_range(current.view, offset, length)?;
        let extent = ImageExtent { offset, length };
        let striping = current.header.striping;
        let mut states = BTreeMap::new();
        let look = |piece| {
            let current = Arc::clone(&current);
            async move { Ok::<_, IoError>((piece, self.data_end(current, piece).await?)) }
        };
        collect_pieces(
            striping.object_extents(extent),
            look,
            |(piece, end): (ObjectExtent, u64)| {
                let mut at = piece.offset;
                for range in striping.image_extents(piece) {
                    let data = end.saturating_sub(at).min(range.length);
                    states.insert(range.offset, (data, range.length));
                    at += range.length;
                }
            },
        )
        .await?;
        let mut list = AllocationList::default();
        for (start, (data, length)) in states {
            list.push(start..start + data, AllocationState::Data);
            list.push(start + data..start + length, AllocationState::Hole);
        }
        Ok(list.into_ranges())
    }

    /// Up to where in the object a piece may hold data.
    async fn data_end(
        &self,
        mut current: Arc<Current>,
        piece: ObjectExtent,
    ) -> Result<u64, IoError> {
        for _ in 0..CHAIN_ATTEMPTS {
            let step = plan_read(current.situation(piece.object), piece);
            if step == ReadStep::Zero {
                return Ok(0);
            }
            if let ReadStep::Object { otherwise } = step {
                let size = self.object_size(&current, piece.object).await?;
                if size.is_none() {
                    self.check_not_removed(current.view.snap).await?;
                }
                match (size, otherwise) {
                    (Some(size), _) => return Ok(size.min(piece.end())),
                    (None, Missing::Zero) => return Ok(0),
                    (None, Missing::Parent) => {}
                }
            }
            match self.parent_data_end(&current, piece).await {
                Ok(end) => return Ok(end),
                Err(ParentError::ChainChanged) => {
                    self.refresh().await?;
                    current = self.fresh().await?;
                }
                Err(ParentError::Io(error)) => return Err(error),
            }
        }
        Err(self.chain_unsteady())
    }

    async fn object_size(&self, current: &Current, number: u64) -> Result<Option<u64>, IoError> {
        let object = current.header.data_object(number);
        let op = ReadOp::single(StoreStep::Stat);
        match self.store().read(&object, current.view.snap, op).await {
            Ok(results) => match results.first() {
                Some(ReadResult::Stat(stat)) => Ok(Some(stat.size)),
                _ => Ok(Some(u64::MAX)),
            },
            Err(error) if error.errno == Errno::NOENT => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// As far as the table knows, then as far as the ancestors' objects exist.
    async fn parent_data_end(
        &self,
        current: &Current,
        piece: ObjectExtent,
    ) -> Result<u64, ParentError> {
        let Some(mut search) = self.search(current).await? else { return Ok(0) };
        let overlap = current.view.parent_overlap;
        let mut found = search.plan(parent_extents(current, piece, overlap));
        let mut end = 0;
        while let Some(candidate) = found.pop() {
            let (object, snap) = search.source(&candidate);
            let op = ReadOp::single(StoreStep::Stat);
            match self.store().read(&object, snap, op).await {
                Ok(results) => {
                    let size = match results.first() {
                        Some(ReadResult::Stat(stat)) => stat.size,
                        _ => u64::MAX,
                    };
                    let data =
                        size.saturating_sub(candidate.object.offset).min(candidate.object.length);
                    if data > 0 {
                        end = end.max(piece.offset + candidate.placed.at + data);
                    }
                }
                Err(error) if error.errno == Errno::NOENT => {
                    search.plan_without(candidate, &mut found);
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.conclude(&mut search).await?;
        Ok(end)
    }
}
