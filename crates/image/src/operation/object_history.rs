//! What the list of an object's clones says about its past: did it exist at a snapshot, and what
//! changed between two of them. Pure.

use marcot_store::ranges::RangeSet;
use marcot_store::{SnapId, SnapSet};

/// A version of an object: one of its clones, or the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    /// Index into the clones; their number for the head.
    index: usize,
    size: u64,
}

/// What happened to an object between two moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// Whether the object exists at the later moment.
    pub(crate) exists: bool,
    /// Whether it was not written to at all, not even the same bytes again.
    pub(crate) untouched: bool,
    /// The bytes that differ, as far as clones can tell; all that was there when it is gone.
    pub(crate) ranges: RangeSet,
}

/// What changed from the snapshot `from` (`None`: from nothing) to `to`, a snapshot or the head.
pub(crate) fn change(history: &SnapSet, from: Option<SnapId>, to: SnapId) -> Change {
    let before = from.and_then(|snap| version_at(history, snap));
    let after = version_at(history, to);
    let ranges = match (before, after) {
        (None, None) => RangeSet::new(),
        (None, Some(only)) | (Some(only), None) => RangeSet::from_range(0, only.size),
        (Some(before), Some(after)) => between(history, before, after),
    };
    let index = |version: Option<Version>| version.map(|version| version.index);
    Change { exists: after.is_some(), untouched: index(before) == index(after), ranges }
}

fn version_at(history: &SnapSet, snap: SnapId) -> Option<Version> {
    let head = || {
        let index = history.clones.len();
        history.head_size.map(|size| Version { index, size })
    };
    if snap == SnapId::HEAD {
        return head();
    }
    // Each clone serves the snapshots up to its id that no older one serves.
    match history.clones.iter().enumerate().find(|(_, clone)| clone.id >= snap) {
        Some((index, clone)) if clone.snaps.contains(&snap) => {
            Some(Version { index, size: clone.size })
        }
        Some(_) => None,
        // Nothing has been written since that snapshot.
        None if snap > history.seq => head(),
        None => None,
    }
}

fn between(history: &SnapSet, before: Version, after: Version) -> RangeSet {
    let mut same = RangeSet::from_range(0, u64::MAX);
    for clone in history.clones.get(before.index..after.index).unwrap_or_default() {
        same = same.intersection(&RangeSet::from_ranges(&clone.overlap));
    }
    RangeSet::from_range(0, before.size.max(after.size)).difference(&same)
}

#[cfg(test)]
mod tests {
    use marcot_store::CloneInfo;

    use super::*;

    fn clone(id: u64, snaps: &[u64], size: u64, overlap: &[(u64, u64)]) -> CloneInfo {
        let snaps = snaps.iter().map(|snap| SnapId(*snap)).collect();
        CloneInfo { id: SnapId(id), snaps, size, overlap: overlap.to_vec() }
    }

    fn changed(history: &SnapSet, from: u64, to: u64) -> (bool, Vec<(u64, u64)>) {
        let from = (from > 0).then_some(SnapId(from));
        let change = change(history, from, SnapId(to));
        (change.exists, change.ranges.into_vec())
    }

    const HEAD: u64 = SnapId::HEAD.0;

    #[test]
    fn the_past_is_what_clones_say() {
        let history = SnapSet {
            seq: SnapId(9),
            clones: vec![clone(4, &[3, 4], 8192, &[(0, 4096)]), clone(9, &[7, 9], 8192, &[])],
            head_size: Some(100),
        };
        assert_eq!(changed(&history, 0, 3), (true, vec![(0, 8192)]));
        assert_eq!(changed(&history, 3, 4), (true, vec![]));
        assert_eq!(changed(&history, 3, 7), (true, vec![(4096, 4096)]));
        assert_eq!(changed(&history, 4, HEAD), (true, vec![(0, 8192)]));
        assert_eq!(changed(&history, 9, 12), (true, vec![(0, 8192)]));
        assert_eq!(changed(&history, 0, 12), (true, vec![(0, 100)]));
        assert_eq!(changed(&history, 12, HEAD), (true, vec![]));
    }

    #[test]
    fn what_was_rolled_back_has_been_touched() {
        // A rollback to what the head still is makes a clone that is no different.
        let clones = vec![clone(5, &[4, 5], 10, &[(0, 10)])];
        let history = SnapSet { seq: SnapId(5), clones, head_size: Some(10) };
        let since = |from: u64, to: u64| change(&history, Some(SnapId(from)), SnapId(to));
        assert!(since(4, 5).untouched);
        assert!(!since(5, HEAD).untouched && since(5, HEAD).ranges.is_empty());
    }

    #[test]
    fn an_object_that_was_not_there_yet_or_no_more() {
        let young = SnapSet { seq: SnapId(5), clones: vec![], head_size: Some(10) };
        assert_eq!(changed(&young, 0, 5), (false, vec![]));
        assert_eq!(changed(&young, 5, HEAD), (true, vec![(0, 10)]));
        assert_eq!(changed(&young, 0, 6), (true, vec![(0, 10)]));
        let gone =
            SnapSet { seq: SnapId(5), clones: vec![clone(5, &[5], 10, &[])], head_size: None };
        assert_eq!(changed(&gone, 5, HEAD), (false, vec![(0, 10)]));
        assert_eq!(changed(&gone, 0, 5), (true, vec![(0, 10)]));
        assert_eq!(changed(&gone, 0, 6), (false, vec![]));
    }
}
