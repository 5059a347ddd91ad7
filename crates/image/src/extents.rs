//! Ranges of bytes: of an image, of one object, and what is known of them.
//!
//! Pure arithmetic. Ends are exclusive and never overflow: constructors saturate.

use std::ops::Range;

/// A range of an image, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageExtent {
    pub offset: u64,
    pub length: u64,
}

impl ImageExtent {
    pub fn new(offset: u64, length: u64) -> ImageExtent {
        ImageExtent { offset, length }
    }

    /// Exclusive.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// What lies below `size`.
    pub fn clipped(&self, size: u64) -> ImageExtent {
        let end = self.end().min(size);
        ImageExtent { offset: self.offset, length: end.saturating_sub(self.offset) }
    }
}

/// A range of one data object, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectExtent {
    /// The object's number.
    pub object: u64,
    pub offset: u64,
    pub length: u64,
}

impl ObjectExtent {
    /// Exclusive.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }

    /// The part that lies on whole units of `granularity`, as librbd discards it; `None` when
    /// nothing is left. Where the unit is the whole object, cutting off its end counts as one.
    pub fn aligned_inwards(&self, granularity: u64, object_size: u64) -> Option<ObjectExtent> {
        let unit = granularity.min(object_size);
        if unit <= 1 || (unit == object_size && self.end() >= object_size) {
            return Some(*self);
        }
        let start = self.offset.checked_next_multiple_of(unit)?;
        let end = self.end() - self.end() % unit;
        (start < end).then(|| ObjectExtent { offset: start, length: end - start, ..*self })
    }
}

/// Whether a range holds bytes that somebody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AllocationState {
    /// There may be something other than zeros.
    Data,
    /// Reads as zeros and takes no space.
    Hole,
}

/// A range of an image with one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Allocation {
    pub offset: u64,
    pub length: u64,
    pub state: AllocationState,
}

/// Gathers ranges in ascending order and joins neighbours of one state.
#[derive(Debug, Default)]
pub(crate) struct AllocationList {
    ranges: Vec<Allocation>,
}

impl AllocationList {
    /// Adds the range that follows the last one.
    pub(crate) fn push(&mut self, range: Range<u64>, state: AllocationState) {
        if range.is_empty() {
            return;
        }
        let length = range.end - range.start;
        match self.ranges.last_mut() {
            Some(last) if last.state == state && last.offset + last.length == range.start => {
                last.length += length;
            }
            _ => self.ranges.push(Allocation { offset: range.start, length, state }),
        }
    }

    pub(crate) fn into_ranges(self) -> Vec<Allocation> {
        self.ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_keeps_what_lies_below() {
        assert_eq!(ImageExtent::new(10, 10).clipped(15), ImageExtent::new(10, 5));
        assert_eq!(ImageExtent::new(10, 10).clipped(5), ImageExtent::new(10, 0));
        assert_eq!(ImageExtent::new(10, u64::MAX).clipped(50), ImageExtent::new(10, 40));
    }

    /// Granularity, order, discarded range, and what then read as zeros through librbd 16.2.
    #[test]
    fn discards_are_rounded_as_in_ceph() {
        const K: u64 = 1 << 10;
        for (granularity, order, (offset, length), expected) in [
            (64 * K, 16, (1, 64 * K), vec![(1, 64 * K - 1)]),
            (64 * K, 16, (64 * K - 10, 10), vec![(64 * K - 10, 10)]),
            (64 * K, 16, (60 * K, 80 * K), vec![(60 * K, 4 * K), (64 * K, 64 * K)]),
            (64 * K, 16, (4 * K, 4 * K), vec![]),
            (64 * K, 17, (1, 64 * K), vec![]),
            (64 * K, 17, (60 * K, 80 * K), vec![(64 * K, 64 * K)]),
            (64 * K, 17, (200 * K, 56 * K), vec![]),
            (4 * K, 16, (1, 64 * K), vec![(4 * K, 60 * K)]),
            (4 * K, 16, (64 * K - 10, 10), vec![]),
            (4 * K, 16, (10, 64 * K - 10), vec![(4 * K, 60 * K)]),
            (4 * K, 16, (60 * K, 4 * K), vec![(60 * K, 4 * K)]),
            (4 * K, 16, (256 * K - 100, 100), vec![]),
            (K << 10, 16, (10, 64 * K - 10), vec![(10, 64 * K - 10)]),
            (K << 10, 16, (10, 64 * K), vec![(10, 64 * K - 10)]),
            (K << 10, 16, (0, 4 * K), vec![]),
            (1, 16, (100, 5000), vec![(100, 5000)]),
        ] {
            let striping = crate::Striping::plain(order).unwrap();
            let zeros: Vec<_> = striping
                .object_extents(ImageExtent::new(offset, length))
                .filter_map(|piece| piece.aligned_inwards(granularity, striping.object_size()))
                .map(|piece| (striping.image_offset(piece.object, piece.offset), piece.length))
                .collect();
            assert_eq!(zeros, expected, "{granularity} {order} {offset} {length}");
        }
    }

    #[test]
    fn neighbours_of_one_state_are_joined() {
        let mut list = AllocationList::default();
        list.push(0..10, AllocationState::Hole);
        list.push(10..20, AllocationState::Hole);
        list.push(20..20, AllocationState::Data);
        list.push(20..30, AllocationState::Data);
        let ranges = list.into_ranges();
        assert_eq!(ranges.len(), 2);
        assert_eq!((ranges[0].offset, ranges[0].length), (0, 20));
        assert_eq!((ranges[1].offset, ranges[1].length), (20, 10));
    }
}
