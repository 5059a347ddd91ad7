//! Which ranges of an image hold data: an object at a time, as precisely as the store can tell
//! without reading it.

use std::sync::Arc;

use marcot_store::{Errno, ObjectId, ReadOp, ReadResult, ReadStep as StoreStep, SnapId};

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
        let mut data = Vec::new();
        let look = |piece| {
            let current = Arc::clone(&current);
            async move { Ok::<_, IoError>((piece, self.stored(current, piece).await?)) }
        };
        collect_pieces(
            striping.object_extents(extent),
            look,
            |(piece, stored): (ObjectExtent, Stored)| {
                let mut at = piece.offset;
                for range in striping.image_extents(piece) {
                    for (from, length) in &stored {
                        let start = (*from).max(at);
                        let end = (from + length).min(at + range.length);
                        if start < end {
                            data.push(range.offset + start - at..range.offset + end - at);
                        }
                    }
                    at += range.length;
                }
            },
        )
        .await?;
        // What several ancestors hold may overlap.
        data.sort_unstable_by_key(|range| range.start);
        let (mut list, mut at) = (AllocationList::default(), offset);
        for range in data {
            list.push(at..range.start, AllocationState::Hole);
            list.push(range.start.max(at)..range.end, AllocationState::Data);
            at = at.max(range.end);
        }
        list.push(at..offset + length, AllocationState::Hole);
        Ok(list.into_ranges())
    }

    /// Where in the object a piece may hold data.
    async fn stored(
        &self,
        mut current: Arc<Current>,
        piece: ObjectExtent,
    ) -> Result<Stored, IoError> {
        for _ in 0..CHAIN_ATTEMPTS {
            let step = plan_read(current.situation(piece.object), piece);
            if step == ReadStep::Zero {
                return Ok(Stored::new());
            }
            if let ReadStep::Object { otherwise } = step {
                let object = current.header.data_object(piece.object);
                let range = (piece.offset, piece.length);
                let stored = self.stored_in(&object, current.view.snap, range).await?;
                if stored.is_none() {
                    self.check_not_removed(current.view.snap).await?;
                }
                match (stored, otherwise) {
                    (Some(stored), _) => return Ok(stored),
                    (None, Missing::Zero) => return Ok(Stored::new()),
                    (None, Missing::Parent) => {}
                }
            }
            match self.stored_in_parent(&current, piece).await {
                Ok(stored) => return Ok(stored),
                Err(ParentError::ChainChanged) => {
                    self.refresh().await?;
                    current = self.fresh().await?;
                }
                Err(ParentError::Io(error)) => return Err(error),
            }
        }
        Err(self.chain_unsteady())
    }

    /// What a store's object holds of a range; `None` if it does not exist.
    async fn stored_in(
        &self,
        object: &ObjectId,
        snap: SnapId,
        (offset, length): (u64, u64),
    ) -> Result<Option<Stored>, IoError> {
        let op = ReadOp::single(StoreStep::Stored { offset, length });
        match self.store().read(object, snap, op).await {
            Ok(results) => match results.into_iter().next() {
                Some(ReadResult::Ranges(ranges)) => Ok(Some(ranges)),
                _ => Ok(Some(vec![(offset, length)])),
            },
            Err(error) if error.errno == Errno::NOENT => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// As far as the table knows, then as far as the ancestors' objects exist.
    async fn stored_in_parent(
        &self,
        current: &Current,
        piece: ObjectExtent,
    ) -> Result<Stored, ParentError> {
        let Some(mut search) = self.search(current).await? else { return Ok(Stored::new()) };
        let overlap = current.view.parent_overlap;
        let mut found = search.plan(parent_extents(current, piece, overlap));
        let mut all = Stored::new();
        while let Some(candidate) = found.pop() {
            let (object, snap) = search.source(&candidate);
            let range = (candidate.object.offset, candidate.object.length);
            match self.stored_in(&object, snap, range).await.map_err(ParentError::Io)? {
                Some(stored) => {
                    let placed = piece.offset + candidate.placed.at;
                    all.extend(
                        stored.into_iter().map(|(from, length)| {
                            (placed + from - candidate.object.offset, length)
                        }),
                    );
                }
                None => search.plan_without(candidate, &mut found),
            }
        }
        self.conclude(&mut search).await?;
        Ok(all)
    }
}

/// Ranges of an object: where they begin, and their length.
type Stored = Vec<(u64, u64)>;
