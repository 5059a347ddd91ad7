//! Which sources are worth a look: whether one is nearly all data, so that the OSDs had better copy
//! it themselves. To read all of it in order to know would cost them a third of the copy.
//!
//! The next source probably is like those before. So after a sparse one nobody looks until a read
//! finds one full; and until anything is known, a few look while the others wait for their word. A
//! guess costs time or space when it is wrong, and never bytes.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Zeros are told from data in units of so many bytes.
const GRAIN: u64 = 4096;
/// A place that is looked at. Each is a disk's access.
pub(super) const PLACE: u64 = 4 * GRAIN;
/// In how many places of a source.
const PLACES: u64 = 4;
/// No more than one grain in so many may be zeros.
const SAMPLES: u64 = 16;
/// Of a smaller source it is not worth asking.
const SMALLEST: u64 = SAMPLES * GRAIN;
/// After so many full sources in a row one place will do: four cost a twelfth of the copy.
const MANY: u64 = 8;
/// How many look while nothing is known.
const FEW: usize = 4;

/// What is known of sources so far, and who waits to know more.
#[derive(Debug)]
pub(super) struct Looking<J> {
    full_in_a_row: Option<u64>,
    under_way: usize,
    waiting: Vec<J>,
}

/// How to begin with a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Read what it holds.
    Read,
    /// Look at it in so many places.
    Look(u64),
}

impl<J> Default for Looking<J> {
    fn default() -> Looking<J> {
        Looking { full_in_a_row: None, under_way: 0, waiting: Vec::new() }
    }
}

impl<J> Looking<J> {
    /// What `job` does with its source; `None` when it waits. Who looks says so when it has.
    pub(super) fn begin(&mut self, job: J) -> Option<(J, Way)> {
        let places = match self.full_in_a_row {
            None if self.under_way >= FEW => {
                self.waiting.push(job);
                return None;
            }
            Some(0) => return Some((job, Way::Read)),
            None | Some(..MANY) => PLACES,
            Some(MANY..) => 1,
        };
        self.under_way += 1;
        Some((job, Way::Look(places)))
    }

    /// A look has ended, and has perhaps told whether its source is full. Yields those who waited, to
    /// begin again.
    #[must_use]
    pub(super) fn looked(&mut self, full: Option<bool>) -> Vec<J> {
        self.under_way -= 1;
        full.into_iter().for_each(|full| self.note(full));
        std::mem::take(&mut self.waiting)
    }

    /// What a read has told.
    #[must_use]
    pub(super) fn read(&mut self, full: bool) -> Vec<J> {
        self.note(full);
        std::mem::take(&mut self.waiting)
    }

    fn note(&mut self, full: bool) {
        let before = self.full_in_a_row.unwrap_or(0);
        self.full_in_a_row = Some(if full { before + 1 } else { 0 });
    }
}

/// Whether the OSDs may be asked to copy a source of which so many bytes are wanted.
pub(super) fn is_worth_asking(length: u64) -> bool {
    length >= SMALLEST && length.is_multiple_of(GRAIN)
}

/// Where to look at a source of which `length` bytes are wanted: a place in each part of it. Which one
/// differs from object to object, so that no regular pattern of data hides between them.
pub(super) fn places(object: &str, length: u64, count: u64) -> Vec<u64> {
    let part = length / GRAIN / count;
    let place = |number: u64| {
        let mut hasher = DefaultHasher::new();
        (object, number).hash(&mut hasher);
        (number * part + hasher.finish() % (part - PLACE / GRAIN + 1)) * GRAIN
    };
    (0..count).map(place).collect()
}

/// Whether a source of `size` bytes, of which `zeros` of the `seen` grains hold no data, is nearly all
/// data, and no longer than what is wanted of it. What is all zeros never is: one sample with data must
/// have been seen. Samples beyond the end say nothing of what is before it.
pub(super) fn is_full([size, seen, zeros]: [u64; 3], length: u64) -> bool {
    (SMALLEST..=length).contains(&size) && seen > zeros && zeros * SAMPLES <= seen
}

/// The same of one that was read, and had so many bytes of data.
pub(super) fn was_full(data: u64, length: u64) -> bool {
    data >= length - length / SAMPLES
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_few_look_and_the_others_wait_for_their_word() {
        for (full, then) in [(true, Way::Look(PLACES)), (false, Way::Read)] {
            let mut looking = Looking::default();
            for job in 0..FEW {
                assert_eq!(looking.begin(job), Some((job, Way::Look(PLACES))));
            }
            assert_eq!(looking.begin(FEW), None);
            assert_eq!(looking.begin(FEW + 1), None);
            assert_eq!(looking.looked(Some(full)), [FEW, FEW + 1]);
            assert_eq!(looking.begin(FEW), Some((FEW, then)));
        }
    }

    #[test]
    fn looks_that_tell_nothing_hold_nobody_up() {
        let mut looking = Looking::default();
        let looks: Vec<_> = (0..FEW).filter_map(|job| looking.begin(job)).collect();
        assert_eq!(looks.len(), FEW);
        assert_eq!(looking.begin(8), None);
        assert_eq!(looking.looked(None), [8]);
        assert_eq!(looking.begin(8), Some((8, Way::Look(PLACES))));
    }

    #[test]
    fn the_next_source_is_taken_for_one_like_those_before() {
        let mut looking = Looking::default();
        for _ in 0..MANY {
            assert_eq!(looking.begin(()), Some(((), Way::Look(PLACES))));
            assert!(looking.looked(Some(true)).is_empty());
        }
        assert_eq!(looking.begin(()), Some(((), Way::Look(1))));
        assert!(looking.looked(Some(false)).is_empty());
        assert_eq!(looking.begin(()), Some(((), Way::Read)));
        assert!(looking.read(false).is_empty());
        assert_eq!(looking.begin(()), Some(((), Way::Read)));
        assert!(looking.read(true).is_empty());
        assert_eq!(looking.begin(()), Some(((), Way::Look(PLACES))));
    }

    #[test]
    fn nearly_all_data_is_full_and_zeros_are_not() {
        let length = 1 << 22;
        assert!(is_full([length, 16, 0], length));
        assert!(is_full([length, 16, 1], length));
        assert!(!is_full([length, 16, 2], length));
        assert!(is_full([length, 4, 0], length));
        assert!(!is_full([length, 4, 1], length));
        assert!(!is_full([length, 0, 0], length), "nothing was seen");
        assert!(!is_full([length + 1, 16, 0], length), "more than is wanted");
        assert!(!is_full([SMALLEST - 1, 4, 0], length));
        assert!(was_full(length, length) && was_full(length - length / SAMPLES, length));
        assert!(!was_full(length - length / SAMPLES - 1, length));
    }

    proptest! {
        #[test]
        fn places_lie_in_the_source_and_in_parts_of_their_own(
            grains in SAMPLES..100_000, object in "[a-z.0-9]{1,40}", few in any::<bool>(),
        ) {
            let (length, count) = (grains * GRAIN, if few { 1 } else { PLACES });
            let found = places(&object, length, count);
            prop_assert_eq!(found.len() as u64, count);
            for pair in found.windows(2) {
                prop_assert!(pair[0] + PLACE <= pair[1]);
            }
            prop_assert!(found.iter().all(|at| at % GRAIN == 0 && at + PLACE <= length));
        }
    }
}
