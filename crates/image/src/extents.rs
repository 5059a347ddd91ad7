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

    /// The part that lies on whole units of `granularity`; the end of the object counts as one.
    /// `None` when nothing is left.
    pub fn aligned_inwards(&self, granularity: u64, object_size: u64) -> Option<ObjectExtent> {
        // As Ceph does: where only whole objects could go, an object's tail is cut off instead.
        let cuts_tail = granularity >= object_size && self.end() >= object_size;
        if granularity <= 1 || cuts_tail {
            return Some(*self);
        }
        let start = self.offset.checked_next_multiple_of(granularity)?;
        let end = if self.end() >= object_size {
            self.end()
        } else {
            self.end() - self.end() % granularity
        };
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

    #[test]
    fn alignment_drops_what_frees_no_whole_unit() {
        let extent = |offset, length| ObjectExtent { object: 1, offset, length };
        assert_eq!(extent(1, 65536).aligned_inwards(65536, 1 << 22), None);
        assert_eq!(
            extent(1, 3 * 65536).aligned_inwards(65536, 1 << 22),
            Some(extent(65536, 2 * 65536))
        );
        let tail = extent((1 << 22) - 65537, 65537);
        assert_eq!(tail.aligned_inwards(65536, 1 << 22), Some(extent((1 << 22) - 65536, 65536)));
        assert_eq!(extent(3, 4).aligned_inwards(1, 1 << 22), Some(extent(3, 4)));
        let cut = extent(61440, 4096);
        assert_eq!(cut.aligned_inwards(65536, 65536), Some(cut));
        assert_eq!(extent(4096, 4096).aligned_inwards(65536, 65536), None);
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
