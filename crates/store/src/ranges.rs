//! Sets of byte ranges, as overlaps and modified extents are kept.

/// Byte ranges (offset, length): ascending, disjoint, not touching, none empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeSet {
    ranges: Vec<(u64, u64)>,
}

impl RangeSet {
    pub fn new() -> RangeSet {
        RangeSet::default()
    }

    /// One range; empty when `length` is 0.
    pub fn from_range(offset: u64, length: u64) -> RangeSet {
        let mut set = RangeSet::new();
        set.insert(offset, length);
        set
    }

    /// Any ranges in any order. A range beyond the end of the address space is cut there.
    pub fn from_ranges(ranges: &[(u64, u64)]) -> RangeSet {
        let mut set = RangeSet::new();
        for (offset, length) in ranges {
            set.insert(*offset, *length);
        }
        set
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges, (offset, length).
    pub fn as_slice(&self) -> &[(u64, u64)] {
        &self.ranges
    }

    /// The ranges, (offset, length).
    pub fn into_vec(self) -> Vec<(u64, u64)> {
        self.ranges
    }

    /// How many bytes the set covers.
    pub fn total(&self) -> u64 {
        self.ranges.iter().map(|(_, length)| length).sum()
    }

    /// Adds a range, merging it with what it touches.
    pub fn insert(&mut self, offset: u64, length: u64) {
        let end = offset.saturating_add(length);
        if end == offset {
            return;
        }
        let first = self.ranges.partition_point(|(o, l)| o + l < offset);
        let last = self.ranges.partition_point(|(o, _)| *o <= end);
        let mut merged = (offset, end);
        for (o, l) in self.ranges.get(first..last).unwrap_or_default() {
            merged = (merged.0.min(*o), merged.1.max(o + l));
        }
        self.ranges.splice(first..last, [(merged.0, merged.1 - merged.0)]);
    }

    /// Adds all of `other`.
    pub fn union(&mut self, other: &RangeSet) {
        for (offset, length) in &other.ranges {
            self.insert(*offset, *length);
        }
    }

    /// What both sets cover.
    pub fn intersection(&self, other: &RangeSet) -> RangeSet {
        let (mut left, mut right) = (self.ranges.iter().peekable(), other.ranges.iter().peekable());
        let mut ranges = Vec::new();
        while let (Some((lo, ll)), Some((ro, rl))) = (left.peek(), right.peek()) {
            let (start, end) = ((*lo).max(*ro), (lo + ll).min(ro + rl));
            if start < end {
                ranges.push((start, end - start));
            }
            if lo + ll < ro + rl {
                left.next();
            } else {
                right.next();
            }
        }
        RangeSet { ranges }
    }

    /// What this set covers and `other` does not.
    pub fn difference(&self, other: &RangeSet) -> RangeSet {
        let mut ranges = Vec::new();
        let mut skip = 0;
        for (offset, length) in &self.ranges {
            let (mut at, end) = (*offset, offset + length);
            while other.ranges.get(skip).is_some_and(|(o, l)| o + l <= at) {
                skip += 1;
            }
            for (o, l) in other.ranges.iter().skip(skip) {
                if *o >= end {
                    break;
                }
                if *o > at {
                    ranges.push((at, o - at));
                }
                at = at.max(o + l);
            }
            if at < end {
                ranges.push((at, end - at));
            }
        }
        RangeSet { ranges }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn bytes(ranges: &[(u64, u64)]) -> BTreeSet<u64> {
        ranges.iter().flat_map(|(offset, length)| *offset..offset + length).collect()
    }

    fn well_formed(set: &RangeSet) -> bool {
        set.ranges.iter().all(|(_, length)| *length > 0)
            && set.ranges.windows(2).all(|pair| pair[0].0 + pair[0].1 < pair[1].0)
    }

    fn some_ranges() -> impl Strategy<Value = Vec<(u64, u64)>> {
        proptest::collection::vec((0u64..60, 0u64..12), 0..10)
    }

    proptest! {
        #[test]
        fn a_range_set_is_a_set_of_bytes(left in some_ranges(), right in some_ranges()) {
            let (l, r) = (RangeSet::from_ranges(&left), RangeSet::from_ranges(&right));
            let (lb, rb) = (bytes(&left), bytes(&right));
            let mut both = l.clone();
            both.union(&r);
            for (set, expected) in [
                (&l, lb.clone()),
                (&both, lb.union(&rb).copied().collect()),
                (&l.intersection(&r), lb.intersection(&rb).copied().collect()),
                (&l.difference(&r), lb.difference(&rb).copied().collect()),
            ] {
                prop_assert!(well_formed(set), "{set:?}");
                prop_assert_eq!(bytes(set.as_slice()), expected.clone());
                prop_assert_eq!(set.total(), expected.len() as u64);
            }
        }
    }

    #[test]
    fn the_end_of_the_address_space_is_no_overflow() {
        let mut set = RangeSet::from_range(u64::MAX - 4, 100);
        set.insert(u64::MAX - 8, 4);
        assert_eq!(set.as_slice(), [(u64::MAX - 8, 8)]);
    }
}
