//! The states themselves: two bits each, packed.

use std::fmt;
use std::ops::Range;

use super::MAX_OBJECT_COUNT;
use crate::wire::{Decode, DecodeError, Decoder, Encode, Encoder};

/// What the map says of one data object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ObjectState {
    Nonexistent = 0,
    /// It may exist and may differ from the snapshot before.
    Exists = 1,
    /// A removal is under way.
    Pending = 2,
    /// It exists and has not changed since the snapshot before.
    ExistsClean = 3,
}

impl ObjectState {
    /// The state of the two low bits.
    pub fn from_bits(bits: u8) -> ObjectState {
        match bits & 3 {
            0 => ObjectState::Nonexistent,
            1 => ObjectState::Exists,
            2 => ObjectState::Pending,
            _ => ObjectState::ExistsClean,
        }
    }

    /// Whether an object in this state passes a filter for `wanted`: clean ones exist.
    pub fn matches(self, wanted: ObjectState) -> bool {
        self == wanted || (self == ObjectState::ExistsClean && wanted == ObjectState::Exists)
    }
}

impl Encode for ObjectState {
    fn encode(&self, out: &mut Encoder) {
        out.put(&(*self as u8));
    }
}

impl Decode for ObjectState {
    const RECORD: &'static str = "object state";

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match u8::decode(input)? {
            bits @ 0..=3 => Ok(ObjectState::from_bits(bits)),
            other => Err(input.bad_value(other)),
        }
    }
}

/// The states of all objects of an image or snapshot.
///
/// Bits past the last object stay what they were when the map shrank, as on an OSD: stored maps
/// must be equal byte by byte.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectMap {
    object_count: u64,
    bits: Vec<u8>,
}

impl ObjectMap {
    /// A map of `object_count` objects, at most [`MAX_OBJECT_COUNT`], all in one state.
    pub fn new(object_count: u64, state: ObjectState) -> ObjectMap {
        let mut map = ObjectMap { object_count: 0, bits: Vec::new() };
        map.resize(object_count, state);
        map
    }

    /// How many objects it covers.
    pub fn len(&self) -> u64 {
        self.object_count
    }

    pub fn is_empty(&self) -> bool {
        self.object_count == 0
    }

    /// The state of an object; `None` beyond the last.
    pub fn get(&self, number: u64) -> Option<ObjectState> {
        if number >= self.object_count {
            return None;
        }
        let byte = self.bits.get(usize::try_from(number / 4).ok()?)?;
        Some(ObjectState::from_bits(byte >> shift(number)))
    }

    /// Changes the state of an object, which must be in the map.
    pub fn set(&mut self, number: u64, state: ObjectState) {
        assert!(number < self.object_count, "object {number} of {}", self.object_count);
        let byte = &mut self.bits[(number / 4) as usize];
        *byte = *byte & !(3 << shift(number)) | (state as u8) << shift(number);
    }

    /// Changes the state of a range of objects, which must be in the map.
    pub fn fill(&mut self, objects: Range<u64>, state: ObjectState) {
        let mut number = objects.start;
        while number < objects.end && !number.is_multiple_of(4) {
            self.set(number, state);
            number += 1;
        }
        let whole = number / 4..(objects.end / 4).max(number / 4);
        self.bits[whole.start as usize..whole.end as usize].fill(state as u8 * 0b0101_0101);
        for number in (whole.end * 4).max(number)..objects.end {
            self.set(number, state);
        }
    }

    /// Cuts the map, or extends it with objects in one state.
    pub fn resize(&mut self, object_count: u64, state: ObjectState) {
        assert!(object_count <= MAX_OBJECT_COUNT, "an object map of {object_count} objects");
        let before = self.object_count;
        self.bits.resize(object_count.div_ceil(4) as usize, 0);
        self.object_count = object_count;
        if object_count > before {
            self.fill(before..object_count, state);
        }
    }

    /// All states, in order.
    pub fn iter(&self) -> impl Iterator<Item = ObjectState> + '_ {
        let states = self.bits.iter().flat_map(|byte| {
            [6, 4, 2, 0].into_iter().map(move |shift| ObjectState::from_bits(byte >> shift))
        });
        states.take(self.object_count as usize)
    }

    /// Runs of objects in the same state, in order.
    pub fn runs(&self) -> impl Iterator<Item = (Range<u64>, ObjectState)> + '_ {
        let mut states = (0u64..).zip(self.iter()).peekable();
        std::iter::from_fn(move || {
            let (start, state) = states.next()?;
            let mut end = start + 1;
            while states.next_if(|(_, next)| *next == state).is_some() {
                end += 1;
            }
            Some((start..end, state))
        })
    }

    /// The packed states.
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }

    /// Takes packed states; `None` unless there are just enough bytes for them.
    pub fn from_bits(object_count: u64, bits: &[u8]) -> Option<ObjectMap> {
        let enough =
            object_count <= MAX_OBJECT_COUNT && bits.len() as u64 == object_count.div_ceil(4);
        enough.then(|| ObjectMap { object_count, bits: bits.to_vec() })
    }
}

fn shift(number: u64) -> u32 {
    6 - 2 * (number % 4) as u32
}

impl fmt::Debug for ObjectMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.runs()).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn states() -> impl Strategy<Value = ObjectState> {
        (0u8..4).prop_map(ObjectState::from_bits)
    }

    proptest! {
        /// Against a plain list of states.
        #[test]
        fn behaves_as_a_list(
            steps in proptest::collection::vec((0u64..70, 0u64..70, states(), any::<bool>()), 1..20)
        ) {
            let mut map = ObjectMap::new(0, ObjectState::Nonexistent);
            let mut list: Vec<ObjectState> = Vec::new();
            for (a, b, state, resize) in steps {
                if resize {
                    map.resize(a, state);
                    list.resize(a as usize, state);
                } else {
                    let range = a.min(b).min(map.len())..a.max(b).min(map.len());
                    map.fill(range.clone(), state);
                    list[range.start as usize..range.end as usize].fill(state);
                }
                prop_assert_eq!(map.iter().collect::<Vec<_>>(), list.clone());
                for (number, state) in list.iter().enumerate() {
                    prop_assert_eq!(map.get(number as u64), Some(*state));
                }
                prop_assert_eq!(map.bits().len(), list.len().div_ceil(4));
                prop_assert_eq!(map.get(map.len()), None);
            }
        }

        #[test]
        fn runs_cover_everything_once(list in proptest::collection::vec(states(), 0..40)) {
            let mut map = ObjectMap::new(list.len() as u64, ObjectState::Nonexistent);
            for (number, state) in list.iter().enumerate() {
                map.set(number as u64, *state);
            }
            let mut next = 0;
            let mut previous = None;
            for (range, state) in map.runs() {
                prop_assert_eq!(range.start, next);
                prop_assert!(previous != Some(state));
                prop_assert!(list[range.start as usize..range.end as usize].iter().all(|s| *s == state));
                next = range.end;
                previous = Some(state);
            }
            prop_assert_eq!(next, map.len());
        }
    }

    #[test]
    fn a_clean_object_passes_as_existing() {
        assert!(ObjectState::ExistsClean.matches(ObjectState::Exists));
        assert!(!ObjectState::Exists.matches(ObjectState::ExistsClean));
    }
}
