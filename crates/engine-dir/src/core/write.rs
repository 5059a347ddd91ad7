//! Write operations: run the steps, place the blocks, log, apply.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use marcot_store::op::{AllZeros, CopyupPiece};
use marcot_store::ranges::RangeSet;
use marcot_store::snapset::{self, ClonePlan, Source};
use marcot_store::{
    Errno, ObjectId, PoolId, SnapContext, SnapId, StoreError, Version, WriteOp, WriteStep,
};

use super::Core;
use crate::layout::{ClusterItem, Item, ObjectRecord, Record};
use crate::object::Object;
use crate::operation::{
    Caller, Calling, Failure, Piece, Scratch, plan_blocks, read_extent, run_step, stored_runs,
};
use crate::space::Purpose;
use crate::units::{BLOCK, BLOCK_BYTES, Run};

/// A write to be done.
#[derive(Debug)]
pub(crate) struct WriteRequest<'a> {
    pub id: &'a ObjectId,
    pub op: &'a WriteOp,
    pub caller: &'a Caller,
    /// Whether a removed object's watchers keep a rollback from removing it.
    pub watched: bool,
    /// What to log beside the change.
    pub cluster: Vec<ClusterItem>,
}

/// What a write did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub version: Version,
    /// Whether the object is gone, which ends its watches.
    pub removed: bool,
}

/// The plan of one write, before any block is placed.
struct Planned {
    items: Vec<Item>,
    pieces: Vec<Piece>,
    /// Attributes and the like, after the data.
    rest: Vec<Item>,
    removed: bool,
}

impl Core {
    /// Runs a write operation. After an error nothing has changed.
    pub(crate) fn write(&mut self, request: WriteRequest<'_>) -> Result<Written, StoreError> {
        let (id, caller) = (request.id, request.caller);
        self.check_writable()?;
        self.check_caller(caller, || format!("write {id}"))?;
        let purpose = match request.op.steps.iter().any(takes_space) {
            true => Purpose::Data,
            false => Purpose::Upkeep,
        };
        if purpose == Purpose::Data {
            self.keep_log_reserve()?;
        }
        let cluster = request.cluster.clone();
        let planned = self.plan_write(request).map_err(|f| f.into_error("write", id))?;
        let Some(planned) = planned else {
            let object = self.state.object(id).map_err(|e| super::meta_failed(&e, "write"))?;
            let version = object.head.as_ref().map_or(Version(0), |head| head.version);
            return Ok(Written { version, removed: false });
        };
        let mut items = planned.items;
        let mut placed = Vec::new();
        let target = (&mut items, &mut placed);
        let written = self.place(planned.pieces, purpose, target).and_then(|()| {
            items.extend(planned.rest);
            let (id, mtime) = (id.clone(), caller.now);
            self.commit(&Record::Object(ObjectRecord { id, mtime, items, cluster }))
        });
        match written {
            Ok(seq) => Ok(Written { version: Version(seq), removed: planned.removed }),
            Err(error) => {
                let given_back = self.state.space.give_back(&placed);
                given_back.map_err(|e| super::meta_failed(&e, "give blocks back"))?;
                Err(StoreError { context: format!("write {id}: {}", error.context), ..error })
            }
        }
    }

    /// Writes the pieces into fresh blocks and names them in `items`.
    fn place(
        &mut self,
        pieces: Vec<Piece>,
        purpose: Purpose,
        (items, placed): (&mut Vec<Item>, &mut Vec<Run>),
    ) -> Result<(), StoreError> {
        for piece in pieces {
            let (mut block, data) = match piece {
                Piece::Hole { block, count } => {
                    items.push(Item::Hole { block, count });
                    continue;
                }
                Piece::Data { block, data } => (block, data),
            };
            for (run, part) in self.put(data, purpose, placed)? {
                let checksums = part.chunks_exact(BLOCK).map(crc32c::crc32c).collect();
                items.push(Item::Write { block, physical: run.start, checksums });
                block += run.count;
            }
        }
        Ok(())
    }

    /// Writes data into fresh blocks, those of upkeep into such as are set aside if need be.
    fn put(
        &mut self,
        data: Bytes,
        purpose: Purpose,
        placed: &mut Vec<Run>,
    ) -> Result<Vec<(Run, Bytes)>, StoreError> {
        let (count, before) = ((data.len() / BLOCK) as u64, placed.len());
        let runs = self.state.space.allocate(count, purpose);
        let runs = runs.map_err(|error| super::commit::no_space(&error));
        let tried = runs.and_then(|runs| {
            placed.extend(&runs);
            self.write_runs(&runs, data.clone())
        });
        match tried {
            Err(error) if error.errno == Errno::NOSPC && purpose == Purpose::Upkeep => {
                let runs = self.state.space.take_upkeep(count).ok_or(error)?;
                let refused = placed.split_off(before);
                let given_back = self.state.space.give_back(&refused);
                given_back.map_err(|e| super::meta_failed(&e, "give blocks back"))?;
                placed.extend(&runs);
                self.write_runs(&runs, data)
            }
            tried => tried,
        }
    }

    fn write_runs(&mut self, runs: &[Run], data: Bytes) -> Result<Vec<(Run, Bytes)>, StoreError> {
        let mut rest = data;
        let mut parts = Vec::with_capacity(runs.len());
        for run in runs {
            let part = rest.split_to(run.bytes() as usize);
            self.write_blocks(*run, &part)?;
            parts.push((*run, part));
        }
        Ok(parts)
    }

    /// What the operation comes to; `None` when it changes nothing.
    fn plan_write(&mut self, request: WriteRequest<'_>) -> Result<Option<Planned>, Failure> {
        let WriteRequest { id, op, caller, watched, .. } = request;
        if !self.state.cluster.pools.contains_key(&id.pool) {
            return Err(Errno::NOENT.into());
        }
        let object = self.state.object(id)?;
        let sources = self.sources(op)?;
        let plan = self.clone_plan(&object, id.pool, &op.snap_context);
        let content = self.content();
        let mut scratch = Scratch::new(content, self.state.meta.as_deref(), &object, None);
        let calling = Calling { classes: &*self.classes, caller };
        for step in &op.steps {
            match step.clone() {
                WriteStep::Rollback { snap } => {
                    roll_back(&mut scratch, &object, &plan, (snap, watched))?;
                }
                WriteStep::CopyupFrom { pieces, all_zeros, .. } => {
                    let any = copy_up(&mut scratch, &pieces, &sources)?;
                    if any == Some(false) && all_zeros == AllZeros::Refuse {
                        return Err(Errno::NODATA.into());
                    }
                }
                step => run_step(&mut scratch, &calling, step)?,
            }
        }
        if !scratch.effective {
            return Ok(None);
        }
        Ok(Some(finish(scratch, &object, plan)?))
    }

    fn clone_plan(&self, object: &Object, pool: PoolId, context: &SnapContext) -> ClonePlan {
        let pool = self.state.cluster.pools.get(&pool);
        snapset::plan_clone(&object.snaps, context, |snap| {
            pool.is_some_and(|pool| pool.is_removed(snap))
        })
    }

    /// The objects that copyups take from, got before the operation runs.
    fn sources(&mut self, op: &WriteOp) -> Result<Sources, Failure> {
        let mut sources = Sources::new();
        for source in op.sources() {
            sources.insert(source.clone(), self.state.object(source)?);
        }
        Ok(sources)
    }
}

/// Whether a step puts a client's data somewhere. What else there is describes data, or gives its
/// space back.
fn takes_space(step: &WriteStep) -> bool {
    matches!(
        step,
        WriteStep::Write { .. }
            | WriteStep::WriteFull { .. }
            | WriteStep::Append { .. }
            | WriteStep::WriteSame { .. }
            | WriteStep::CopyupFrom { .. }
    )
}

type Sources = BTreeMap<ObjectId, Arc<Object>>;

/// Which body an object is at a snapshot: its head (`None`) or a clone.
pub(super) fn body_at(object: &Object, snap: SnapId) -> Option<Option<SnapId>> {
    if snap == SnapId::HEAD {
        return object.head.as_ref().map(|_| None);
    }
    match snapset::resolve(&object.snaps, snap)? {
        Source::Head => Some(None),
        Source::Clone(id) => Some(Some(id)),
    }
}

fn roll_back(
    scratch: &mut Scratch<'_>,
    object: &Object,
    plan: &ClonePlan,
    (snap, watched): (SnapId, bool),
) -> Result<(), Failure> {
    match body_at(object, snap) {
        Some(None) => scratch.touch(),
        Some(Some(clone)) => {
            let mut set = object.snaps.clone();
            let size = set.head_size;
            snapset::commit_write(&mut set, plan.clone(), &RangeSet::new(), size);
            scratch.touch();
            scratch.edits.modified = snapset::rollback_ranges(&set, clone);
            scratch.restore = Some(clone);
        }
        None if scratch.before.is_none() => {}
        None if watched => return Err(Errno::BUSY.into()),
        None => scratch.remove()?,
    }
    Ok(())
}

/// Takes whole blocks over by reference and copies what a piece cuts. Whether anything but zeros
/// was there; `None` when the object exists and nothing is done.
fn copy_up(
    scratch: &mut Scratch<'_>,
    pieces: &[CopyupPiece],
    sources: &Sources,
) -> Result<Option<bool>, Failure> {
    if scratch.exists {
        return Ok(None);
    }
    scratch.touch();
    let mut any = false;
    for piece in pieces {
        let source = sources.get(&piece.source).ok_or(Errno::NOENT)?;
        let clone = body_at(source, piece.snap).ok_or(Errno::NOENT)?;
        let body = source.body(clone).ok_or(Errno::NOENT)?;
        let end = piece.source_offset + piece.length;
        let aligned = piece.source_offset % BLOCK_BYTES == piece.offset % BLOCK_BYTES;
        let target = |offset: u64| offset - piece.source_offset + piece.offset;
        for (from, length) in stored_runs(body, piece.source_offset, piece.length) {
            let to = from + length;
            let first = from.next_multiple_of(BLOCK_BYTES);
            // The source's last block is whole on disk even where the source ends within it.
            let last = to.next_multiple_of(BLOCK_BYTES).min(end / BLOCK_BYTES * BLOCK_BYTES);
            if !aligned || first >= last {
                let bytes = read_extent(scratch.content, body, from, length)?;
                any |= bytes.iter().any(|byte| *byte != 0);
                scratch.write(target(from), bytes);
                continue;
            }
            for (start, stop) in [(from, first), (last.min(to), to)] {
                if start < stop {
                    let bytes = read_extent(scratch.content, body, start, stop - start)?;
                    scratch.write(target(start), bytes);
                }
            }
            // Blocks of zeros are not stored.
            any = true;
            scratch.edits.size = scratch.edits.size.max(target(to));
            scratch.edits.modified.insert(target(from), length);
            let (source_block, block) = (first / BLOCK_BYTES, target(first) / BLOCK_BYTES);
            let count = (last - first) / BLOCK_BYTES;
            scratch.taken.take_over(&body.blocks, source_block, block, count);
        }
    }
    Ok(Some(any))
}

/// Turns what the steps have made into items of a record.
fn finish(scratch: Scratch<'_>, object: &Object, plan: ClonePlan) -> Result<Planned, Failure> {
    let mut items = Vec::new();
    let snaps = &object.snaps;
    if plan.clone.is_some() || plan.seq != snaps.seq || !snaps.clones.is_empty() {
        let modified = scratch.edits.modified.as_slice().to_vec();
        let clone = plan.clone.map(|clone| (clone.id, clone.snaps));
        items.push(Item::Snapshots { seq: plan.seq, clone, modified });
    }
    if scratch.removed && scratch.before.is_some() {
        items.push(Item::Remove);
    }
    let removed = scratch.removed;
    if !scratch.exists {
        return Ok(Planned { items, pieces: Vec::new(), rest: Vec::new(), removed });
    }
    if let Some(clone) = scratch.restore {
        items.push(Item::Restore { clone });
        return Ok(Planned { items, pieces: Vec::new(), rest: Vec::new(), removed });
    }
    items.push(Item::Create);
    let pieces = plan_blocks(scratch.content, &scratch.base(), &scratch.edits)?;
    let taken = scratch.taken.pieces().into_iter();
    items.extend(taken.map(|piece| Item::Share { block: piece.block, run: piece.run }));
    // After the shared blocks: a step may have cut them off again.
    items.push(Item::Size { bytes: scratch.edits.size });
    Ok(Planned { items, pieces, rest: scratch.attributes, removed })
}
