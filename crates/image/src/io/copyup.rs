//! Copyup: before an object that only ancestors have is changed, their bytes become its own.
//!
//! Without snapshots, copyup and change are one operation. With snapshots the bytes go under all
//! of them first ("deep"), with an empty snapshot context: the object is then as if it had been
//! there before the first snapshot, and flatten may cut the snapshots loose too. A parent without
//! bytes for the object needs no deep copyup.
//!
//! Where the engine shares by reference the bytes are not moved and concurrent copyups of one
//! object do each other no harm: the second finds the object and does nothing. Where they are
//! moved, by the store or by us, the object's gate is closed, so that they are moved once.

use std::collections::BTreeMap;

use marcot_format::call::data_object::SparseCopyup;
use marcot_format::features::Features;
use marcot_format::object_map::ObjectState;
use marcot_store::op::{AllZeros, CopyupPiece, CreateMode, SourceReads};
use marcot_store::{Copyups, Errno, ReadOp, ReadStep, SnapContext, SnapId, StoreError, WriteStep};

use super::IoError;
use super::parent::{ParentError, parent_extents};
use crate::class_call::exec;
use crate::client::Client;
use crate::extents::ObjectExtent;
use crate::header::Header;
use crate::image::{Current, Image};
use crate::layering::{Found, Search};
use crate::object_map::note_copyup;

/// Zeros are told from data in units of so many bytes.
const GRAIN: usize = 4096;

/// What a copyup is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Somebody uses the object. Other clones of the parent probably use the same one.
    Use,
    /// The link to the parent is to be cut: nothing is wanted of what is all zeros, and each source is
    /// passed by once.
    Flatten,
}

impl Purpose {
    fn all_zeros(self) -> AllZeros {
        match self {
            Purpose::Use => AllZeros::Create,
            Purpose::Flatten => AllZeros::Refuse,
        }
    }

    fn reads(self) -> SourceReads {
        match self {
            Purpose::Use => SourceReads::Again,
            Purpose::Flatten => SourceReads::Once,
        }
    }
}

/// What an object's copyup is to bring in, and where it ends for each snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Depth {
    /// How many bytes of the object the oldest snapshot, or else the head, has from the parent.
    pub(super) overlap: u64,
    /// Cuts to make on the way to the head: the snapshots that must not see it, the new end.
    /// Empty unless the image was shrunk between snapshots.
    pub(super) cuts: Vec<(SnapContext, u64)>,
}

impl Depth {
    /// For a copyup under all snapshots.
    pub(super) fn deep(header: &Header, number: u64) -> Depth {
        let in_object = |overlap: u64| header.striping.object_bytes_below(number, overlap);
        let overlap_at = |snap| header.view(snap).map_or(0, |view| in_object(view.parent_overlap));
        let oldest_first: Vec<SnapId> = header.snap_context.snaps.iter().rev().copied().collect();
        let mut ends: Vec<u64> = oldest_first.iter().map(|snap| overlap_at(*snap)).collect();
        ends.push(overlap_at(SnapId::HEAD));
        let mut cuts = Vec::new();
        for (index, pair) in ends.windows(2).enumerate() {
            if pair[1] < pair[0] {
                let snaps = oldest_first[..=index].iter().rev().copied().collect();
                cuts.push((SnapContext { seq: oldest_first[index], snaps }, pair[1]));
            }
        }
        Depth { overlap: ends[0], cuts }
    }

    /// How many objects show the parent, in the head or in a snapshot.
    pub(super) fn objects(header: &Header) -> u64 {
        let snaps = header.snap_context.snaps.iter().copied().chain([SnapId::HEAD]);
        let overlaps = snaps.filter_map(|snap| header.view(snap).map(|view| view.parent_overlap));
        overlaps.max().map_or(0, |overlap| header.object_count(overlap))
    }

    /// For a copyup of the head alone.
    fn head(current: &Current, number: u64) -> Depth {
        Depth { overlap: current.situation(number).overlap, cuts: Vec::new() }
    }
}

/// Where the parent's bytes for an object are, as far as is known.
pub(super) struct Sources {
    search: Search,
    found: Vec<Found>,
}

impl Sources {
    /// Of the layers that were looked through, the deepest.
    pub(super) fn depth(&self) -> Option<usize> {
        self.found.iter().map(|found| found.layer).max()
    }

    /// Says in the layers' headers, now and then, that they are read.
    pub(super) async fn note_access(&self, client: &Client) {
        self.search.note_access(client, &self.found).await;
    }
}

impl Image {
    /// Brings the parent's bytes into an object that does not exist, then applies `steps`. If it
    /// exists by now, only applies them.
    pub(super) async fn copyup_and_change(
        &self,
        current: &Current,
        number: u64,
        steps: &[WriteStep],
    ) -> Result<(), ParentError> {
        let deep = !current.header.snap_context.snaps.is_empty();
        let depth = match deep {
            true => Depth::deep(&current.header, number),
            false => Depth::head(current, number),
        };
        let gate = self.object_gates().of(number);
        let shared = self.client().store.capabilities().copyup == Copyups::ByReference;
        let (_inside, _closed) = if shared && depth.cuts.is_empty() {
            (Some(gate.enter().await), None)
        } else {
            let closed = gate.close().await;
            let there = match steps {
                [] => self.object_exists(current, number).await?,
                _ => self.send_guarded(current, number, steps).await?,
            };
            if there {
                return Ok(());
            }
            (None, Some(closed))
        };
        current.note_exists(number).await?;
        if deep {
            if let Some(sources) = self.sources(current, number, &depth).await? {
                let whole = (&depth, Purpose::Use);
                self.copyup_under_snapshots(current, number, whole, sources).await?;
            }
            // Where the parent has nothing there is still no object.
            let mut whole = vec![WriteStep::Create(CreateMode::IfAbsent)];
            whole.extend_from_slice(steps);
            return Ok(self.send(current, number, whole).await?);
        }
        let context = current.header.snap_context.clone();
        self.copyup_then(current, number, &depth, steps, context).await.map(drop)
    }

    /// Brings the parent's bytes into an object under all snapshots, unless it exists. `state` is
    /// what the head's object map says of it then.
    pub(super) async fn copyup_object(
        &self,
        current: &Current,
        number: u64,
        state: ObjectState,
    ) -> Result<bool, IoError> {
        let _closed = self.object_gates().of(number).close().await;
        if self.object_exists(current, number).await? {
            return Ok(false);
        }
        current.note_state(number, state).await?;
        let depth = Depth::deep(&current.header, number);
        let brought = async {
            match self.sources(current, number, &depth).await? {
                Some(sources) => {
                    let whole = (&depth, Purpose::Use);
                    self.copyup_under_snapshots(current, number, whole, sources).await
                }
                None => Ok(false),
            }
        };
        match brought.await {
            Ok(brought) => Ok(brought),
            Err(ParentError::ChainChanged) => Err(self.chain_unsteady()),
            Err(ParentError::Io(error)) => Err(error),
        }
    }

    /// Brings the parent's bytes into an object as if it had been there before every snapshot.
    /// False when the parent has none after all, or only such zeros as are not wanted. The caller
    /// holds the object's gate.
    pub(super) async fn copyup_under_snapshots(
        &self,
        current: &Current,
        number: u64,
        (depth, purpose): (&Depth, Purpose),
        sources: Sources,
    ) -> Result<bool, ParentError> {
        let Some(sources) = self.sure(current, number, depth, sources).await? else {
            return Ok(false);
        };
        note_copyup(self.store(), &current.header, number).await?;
        let change = (&[][..], SnapContext::default());
        let whole = (depth, purpose);
        let brought = self.copyup_from(current, number, whole, sources, change).await?;
        if !brought {
            return Ok(false);
        }
        for (snap_context, end) in &depth.cuts {
            let cut = vec![WriteStep::Truncate { size: *end }];
            self.send_under(current, number, cut, snap_context.clone()).await?;
        }
        Ok(true)
    }

    /// What remains of `sources` once those have been looked for that no object map told of: the
    /// snapshots' maps are not to say that there is an object when no ancestor has one.
    async fn sure(
        &self,
        current: &Current,
        number: u64,
        depth: &Depth,
        Sources { mut search, mut found }: Sources,
    ) -> Result<Option<Sources>, ParentError> {
        let header = &current.header;
        let in_maps =
            header.features.contains(Features::OBJECT_MAP) && !header.snapshots.is_empty();
        while in_maps && !found.is_empty() {
            let guesses = found.iter().filter(|found| search.is_guess(found)).copied().collect();
            if !self.look_for(&mut search, guesses).await? {
                break;
            }
            found = self.plan_copyup(current, &mut search, number, depth).await?;
        }
        Ok((!found.is_empty()).then_some(Sources { search, found }))
    }

    /// Where an ancestor may have bytes for an object; `None` when none has.
    pub(super) async fn sources(
        &self,
        current: &Current,
        number: u64,
        depth: &Depth,
    ) -> Result<Option<Sources>, ParentError> {
        let Some(mut search) = self.search(current).await? else { return Ok(None) };
        let found = self.plan_copyup(current, &mut search, number, depth).await?;
        Ok((!found.is_empty()).then_some(Sources { search, found }))
    }

    /// One operation: copyup, then `steps`. Without bytes to bring it creates the object if there
    /// are steps, and does nothing otherwise (false).
    async fn copyup_then(
        &self,
        current: &Current,
        number: u64,
        depth: &Depth,
        steps: &[WriteStep],
        snap_context: SnapContext,
    ) -> Result<bool, ParentError> {
        let search = self.search(current).await?;
        let mut search = search.ok_or(ParentError::ChainChanged)?;
        let found = self.plan_copyup(current, &mut search, number, depth).await?;
        let sources = Sources { search, found };
        let whole = (depth, Purpose::Use);
        self.copyup_from(current, number, whole, sources, (steps, snap_context)).await
    }

    async fn copyup_from(
        &self,
        current: &Current,
        number: u64,
        (depth, purpose): (&Depth, Purpose),
        Sources { mut search, mut found }: Sources,
        (steps, snap_context): (&[WriteStep], SnapContext),
    ) -> Result<bool, ParentError> {
        let in_store = match self.client().store.capabilities().copyup {
            Copyups::ByReference => true,
            Copyups::Alone => steps.is_empty(),
            Copyups::Refused => false,
        };
        search.note_access(self.client(), &found).await;
        loop {
            let first = match (found.is_empty(), in_store) {
                (true, _) if steps.is_empty() => return Ok(false),
                (true, _) => WriteStep::Create(CreateMode::IfAbsent),
                (false, true) => reference(&search, &found, purpose),
                (false, false) => {
                    let call = self.bytes(&mut search, found.clone(), depth.overlap).await?;
                    if call.extents.is_empty() && purpose == Purpose::Flatten {
                        return Ok(false);
                    }
                    exec(&call)
                }
            };
            let mut whole = vec![first];
            whole.extend_from_slice(steps);
            match self.send_under(current, number, whole, snap_context.clone()).await {
                Ok(()) => return Ok(true),
                Err(error) if error.errno == Errno::NODATA && purpose == Purpose::Flatten => {
                    return Ok(false);
                }
                Err(error) if error.errno == Errno::NOENT && in_store => {
                    self.find_missing(&mut search, found, error).await?;
                }
                Err(error) => return Err(error.into()),
            }
            found = self.plan_copyup(current, &mut search, number, depth).await?;
        }
    }

    /// Where the parent's bytes for an object are, as far as known.
    async fn plan_copyup(
        &self,
        current: &Current,
        search: &mut Search,
        number: u64,
        depth: &Depth,
    ) -> Result<Vec<Found>, ParentError> {
        let piece = ObjectExtent { object: number, offset: 0, length: depth.overlap };
        self.conclude(search).await?;
        Ok(search.plan(parent_extents(current, piece, u64::MAX)))
    }

    /// A source turned out not to exist: finds out which, and that it is nowhere else.
    async fn find_missing(
        &self,
        search: &mut Search,
        found: Vec<Found>,
        error: StoreError,
    ) -> Result<(), ParentError> {
        match self.look_for(search, found).await? {
            true => Ok(()),
            false => Err(error.into()),
        }
    }

    /// Whether any of the sources does not exist; the search then goes on without it.
    async fn look_for(&self, search: &mut Search, found: Vec<Found>) -> Result<bool, ParentError> {
        let mut missing = Vec::new();
        for candidate in found {
            let (object, snap) = search.source(&candidate);
            let probe = ReadOp::single(ReadStep::AssertExists);
            match self.store().read(&object, snap, probe).await {
                Ok(_) => {}
                Err(gone) if gone.errno == Errno::NOENT => missing.push(candidate),
                Err(other) => return Err(other.into()),
            }
        }
        let any = !missing.is_empty();
        for candidate in missing {
            search.plan_without(candidate, &mut Vec::new());
        }
        self.conclude(search).await?;
        Ok(any)
    }

    /// The parent's bytes as a call.
    async fn bytes(
        &self,
        search: &mut Search,
        found: Vec<Found>,
        length: u64,
    ) -> Result<SparseCopyup, ParentError> {
        let mut buffer = vec![0; length as usize];
        self.fetch(search, found, &mut buffer).await?;
        Ok(sparse(&buffer))
    }
}

/// The parent's bytes, taken over or moved by the engine.
fn reference(search: &Search, found: &[Found], purpose: Purpose) -> WriteStep {
    let pieces = found.iter().map(|found| {
        let (source, snap) = search.source(found);
        CopyupPiece {
            source,
            snap,
            source_offset: found.object.offset,
            offset: found.placed.at,
            length: found.object.length,
        }
    });
    let (all_zeros, reads) = (purpose.all_zeros(), purpose.reads());
    WriteStep::CopyupFrom { pieces: pieces.collect(), all_zeros, reads }
}

/// The runs of `buffer` that are not zeros.
fn sparse(buffer: &[u8]) -> SparseCopyup {
    let mut extents: BTreeMap<u64, u64> = BTreeMap::new();
    let mut data = Vec::new();
    for (index, grain) in buffer.chunks(GRAIN).enumerate() {
        if grain.iter().all(|byte| *byte == 0) {
            continue;
        }
        let offset = (index * GRAIN) as u64;
        match extents.last_entry() {
            Some(mut last) if last.key() + last.get() == offset => {
                *last.get_mut() += grain.len() as u64;
            }
            _ => {
                extents.insert(offset, grain.len() as u64);
            }
        }
        data.extend_from_slice(grain);
    }
    SparseCopyup { extents, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_with_data_are_sent() {
        let mut buffer = vec![0; 5 * GRAIN + 100];
        buffer[GRAIN] = 1;
        buffer[3 * GRAIN - 1] = 2;
        buffer[5 * GRAIN + 99] = 3;
        let SparseCopyup { extents, data } = sparse(&buffer);
        let grain = GRAIN as u64;
        assert_eq!(extents, BTreeMap::from([(grain, 2 * grain), (5 * grain, 100)]));
        assert_eq!(data.len(), 2 * GRAIN + 100);
        assert_eq!((data[0], data[2 * GRAIN - 1], data[2 * GRAIN + 99]), (1, 2, 3));
        assert!(sparse(&[0; 3]).extents.is_empty());
    }
}
