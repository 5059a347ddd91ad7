//! Reading what a clone has not got from whichever ancestor has it.

use bytes::Bytes;
use marcot_store::{ReadOp, ReadStep};

use super::IoError;
use super::pieces::collect_pieces;
use super::read::{data_of, padded};
use crate::extents::ObjectExtent;
use crate::header::HeaderError;
use crate::image::{Current, Image};
use crate::layering::{AncestryError, Found, Placed, Search};

/// How often a request begins again because the chain of parents changed under it.
pub(super) const CHAIN_ATTEMPTS: usize = 16;

/// Why the parents' bytes could not be had.
#[derive(Debug)]
pub(super) enum ParentError {
    /// Somebody changed the chain; refresh and try again.
    ChainChanged,
    Io(IoError),
}

impl<E: Into<IoError>> From<E> for ParentError {
    fn from(error: E) -> ParentError {
        ParentError::Io(error.into())
    }
}

impl Image {
    pub(super) fn chain_unsteady(&self) -> IoError {
        IoError::Parents { image: self.name(), problem: "they keep changing" }
    }

    /// A search through the ancestors of `current`; `None` when it has no parent.
    pub(super) async fn search(&self, current: &Current) -> Result<Option<Search>, ParentError> {
        let Some(parent) = &current.header.parent else { return Ok(None) };
        let slot = &current.ancestry;
        let built = slot
            .get_or_try_init(|| self.client().shared.ancestries.get(self.store(), &parent.spec))
            .await;
        match built {
            Ok(ancestry) => Ok(Some(Search::new(ancestry))),
            Err(error) if error.is_not_found() => Err(ParentError::ChainChanged),
            Err(AncestryError::Call(error)) => Err(error.into()),
            Err(AncestryError::Layout(_)) => Err(self.parent_problem("one has a bad layout")),
            Err(AncestryError::UnknownFeatures { image, bits }) => {
                Err(ParentError::Io(HeaderError::UnknownFeatures { image, bits }.into()))
            }
            Err(AncestryError::Migrating) => {
                let what = "a clone of one that is being migrated from another one";
                Err(ParentError::Io(IoError::Elsewhere { image: self.name(), what }))
            }
            Err(AncestryError::Loop) => Err(self.parent_problem("they lead back to themselves")),
        }
    }

    /// Reads the ancestors' headers ahead of their use, which tells what is wrong with them.
    pub(crate) async fn find_ancestors(&self) {
        let _ = self.search(&self.current()).await;
    }

    fn parent_problem(&self, problem: &'static str) -> ParentError {
        ParentError::Io(IoError::Parents { image: self.name(), problem })
    }

    /// Reads a piece of an object that the image has not got, all of its length; `None` when no
    /// ancestor has an object there either.
    pub(super) async fn read_parent(
        &self,
        current: &Current,
        piece: ObjectExtent,
    ) -> Result<Option<Bytes>, ParentError> {
        let Some(mut search) = self.search(current).await? else { return Ok(None) };
        let found = search.plan(parent_extents(current, piece, current.view.parent_overlap));
        search.note_access(self.client(), &found).await;
        match found.as_slice() {
            [] => return Ok(None),
            [only] if only.placed.extent.length == piece.length => {
                if let Some(data) = self.read_found(&search, only).await? {
                    return Ok(Some(padded(data, piece.length)));
                }
            }
            _ => {}
        }
        let mut buffer = vec![0; piece.length as usize];
        let any = self.fetch(&mut search, found, &mut buffer).await?;
        Ok(any.then(|| Bytes::from(buffer)))
    }

    /// Fills `buffer`, zeros before, with what is found. False when all of it is missing.
    pub(super) async fn fetch(
        &self,
        search: &mut Search,
        mut found: Vec<Found>,
        buffer: &mut [u8],
    ) -> Result<bool, ParentError> {
        let mut any = false;
        while !found.is_empty() {
            let mut missing = Vec::new();
            let reader = &*search;
            let read = |found: Found| async move {
                let data = self.read_found(reader, &found).await?;
                Ok::<_, ParentError>((found, data))
            };
            collect_pieces(found.drain(..), read, |(found, data)| match data {
                Some(data) => {
                    any = true;
                    let at = found.placed.at as usize;
                    buffer[at..at + data.len()].copy_from_slice(&data);
                }
                None => missing.push(found),
            })
            .await?;
            for gone in missing {
                search.plan_without(gone, &mut found);
            }
        }
        self.conclude(search).await?;
        Ok(any)
    }

    /// Makes sure that what was missing really is nowhere.
    pub(super) async fn conclude(&self, search: &mut Search) -> Result<(), ParentError> {
        if !search.was_surprised() || search.conclude(self.store()).await? {
            return Ok(());
        }
        self.client().shared.ancestries.forget(search.ancestry());
        Err(ParentError::ChainChanged)
    }

    /// `None` when the ancestor has no such object.
    async fn read_found(
        &self,
        search: &Search,
        found: &Found,
    ) -> Result<Option<Bytes>, ParentError> {
        let (object, snap) = search.source(found);
        let ObjectExtent { offset, length, .. } = found.object;
        let op = ReadOp::single(ReadStep::Read { offset, length });
        Ok(data_of(self.store().read(&object, snap, op).await)?)
    }
}

/// The ranges of the parent that show through a piece of an object, and where in the piece.
pub(super) fn parent_extents(
    current: &Current,
    piece: ObjectExtent,
    overlap: u64,
) -> impl Iterator<Item = Placed> {
    let mut at = 0;
    current.header.striping.image_extents(piece).filter_map(move |range| {
        let placed = Placed { extent: range.clipped(overlap), at };
        at += range.length;
        (!placed.extent.is_empty()).then_some(placed)
    })
}
