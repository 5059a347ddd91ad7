//! What snapshots mean for one object: pure decisions that every engine of ours shares.
//!
//! RADOS keeps beside each object a snap set: the clones, which snapshots each serves, and which
//! bytes each still shares with its successor. The first change under a snapshot context newer
//! than the object makes a clone. The functions here decide and do the bookkeeping on a
//! [`SnapSet`]; moving bytes is the engine's part:
//!
//! 1. [`plan_clone`] before a write, on the set as it is;
//! 2. run the steps; collect the ranges they touch;
//! 3. if anything changed at all, [`commit_write`]; else leave the set alone.
//!
//! Reads ask [`resolve`], rollback asks [`rollback_ranges`], trimming asks [`trim`].

use crate::ranges::RangeSet;
use crate::{CloneInfo, SnapContext, SnapId, SnapSet};

/// Where the bytes of an object at a snapshot are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Head,
    /// The clone of that id.
    Clone(SnapId),
}

/// What a write has to do to an object's snap set if it changes anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClonePlan {
    /// The clone to make of the head as it was before the write.
    pub clone: Option<NewClone>,
    /// The set's `seq` afterwards.
    pub seq: SnapId,
}

/// A clone to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewClone {
    /// The `seq` of the snapshot context, which may be newer than every snapshot it serves.
    pub id: SnapId,
    /// The snapshots it serves, ascending, at least one.
    pub snaps: Vec<SnapId>,
}

/// Decides what a write under `context` does to `set`.
///
/// Snapshots that `is_removed` knows are dropped from the context first, as an OSD does, so that a
/// writer with an old context keeps no garbage alive.
pub fn plan_clone(
    set: &SnapSet,
    context: &SnapContext,
    is_removed: impl Fn(SnapId) -> bool,
) -> ClonePlan {
    debug_assert!(context.is_valid(), "contexts are checked at the border");
    let seq = set.seq.max(context.seq);
    if set.head_size.is_none() {
        return ClonePlan { clone: None, seq };
    }
    let newer = context.snaps.iter().rev().copied();
    let snaps: Vec<SnapId> = newer.filter(|s| *s > set.seq && !is_removed(*s)).collect();
    let clone = (!snaps.is_empty()).then_some(NewClone { id: context.seq, snaps });
    ClonePlan { clone, seq }
}

/// Records a write that changed something.
///
/// `modified` are the ranges whose bytes the write may have changed (a removal or a cut: all that
/// went), `head_size` is the head's size afterwards, `None` if it is gone.
pub fn commit_write(
    set: &mut SnapSet,
    plan: ClonePlan,
    modified: &RangeSet,
    head_size: Option<u64>,
) {
    if let Some(NewClone { id, snaps }) = plan.clone {
        let size = set.head_size.unwrap_or(0);
        let overlap = RangeSet::from_range(0, size).into_vec();
        set.clones.push(CloneInfo { id, snaps, size, overlap });
    }
    if let Some(newest) = set.clones.last_mut() {
        let shared = RangeSet::from_ranges(&newest.overlap);
        newest.overlap = shared.difference(modified).into_vec();
    }
    set.seq = plan.seq;
    set.head_size = head_size;
}

/// Where to read the object at `snap`; `None` when it did not exist then (or its bytes are gone).
pub fn resolve(set: &SnapSet, snap: SnapId) -> Option<Source> {
    if snap > set.seq {
        return set.head_size.map(|_| Source::Head);
    }
    let clone = set.clones.iter().find(|clone| clone.id >= snap)?;
    clone.snaps.contains(&snap).then_some(Source::Clone(clone.id))
}

/// The ranges that differ, as far as the set knows, between the head and the clone that a rollback
/// restores. Covers the larger of both.
pub fn rollback_ranges(set: &SnapSet, clone: SnapId) -> RangeSet {
    let restored = set.clones.iter().filter(|c| c.id >= clone);
    let size = set.clones.iter().find(|c| c.id == clone).map_or(0, |c| c.size);
    let all = RangeSet::from_range(0, size.max(set.head_size.unwrap_or(0)));
    let same = restored.fold(all.clone(), |shared, next| {
        shared.intersection(&RangeSet::from_ranges(&next.overlap))
    });
    all.difference(&same)
}

/// What [`trim`] changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Clones that serve nothing any more: the engine drops their bytes.
    pub dropped: Vec<SnapId>,
    /// Whether the set changed at all.
    pub changed: bool,
    /// Neither head nor clones are left: the engine forgets the object.
    pub vanished: bool,
}

/// Takes the snapshots that `is_removed` knows out of the clones.
pub fn trim(set: &mut SnapSet, is_removed: impl Fn(SnapId) -> bool) -> Trimmed {
    let mut trimmed = Trimmed::default();
    let mut kept: Vec<CloneInfo> = Vec::with_capacity(set.clones.len());
    for mut clone in std::mem::take(&mut set.clones) {
        let before = clone.snaps.len();
        clone.snaps.retain(|snap| !is_removed(*snap));
        trimmed.changed |= clone.snaps.len() != before;
        if !clone.snaps.is_empty() {
            kept.push(clone);
            continue;
        }
        trimmed.changed = true;
        trimmed.dropped.push(clone.id);
        // The older neighbour's successor is now this clone's successor.
        if let Some(older) = kept.last_mut() {
            let shared = RangeSet::from_ranges(&older.overlap);
            older.overlap = shared.intersection(&RangeSet::from_ranges(&clone.overlap)).into_vec();
        }
    }
    set.clones = kept;
    trimmed.vanished = set.clones.is_empty() && set.head_size.is_none();
    trimmed
}

#[cfg(test)]
mod tests;
