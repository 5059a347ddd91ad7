//! Where the bytes of an image lie in its objects.
//!
//! An image is cut into stripe units; `stripe_count` objects take them in turn, and when they are
//! full the next set of objects begins. The plain layout (one object after the other) is the same
//! rule with a unit as large as the object. Pure arithmetic, checked at the border by
//! [`Striping::new`], so that nothing below it divides by zero.
//!
//! A range of the image touches each object in one contiguous range: units of one object ascend
//! with the image's offsets.

use std::ops::Range;

use crate::extents::{ImageExtent, ObjectExtent};

/// The layout of an image's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Striping {
    order: u8,
    stripe_unit: u64,
    stripe_count: u64,
}

/// Why a layout cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StripingError {
    #[error("object order {0} is not between 12 and 25")]
    Order(u8),
    #[error("stripe unit {unit} does not divide the object size {object_size}")]
    Unit { unit: u64, object_size: u64 },
    #[error("stripe count must not be 0")]
    Count,
}

impl Striping {
    /// One object after the other, each of two to the power of `order` bytes.
    pub fn plain(order: u8) -> Result<Striping, StripingError> {
        if !(12..=25).contains(&order) {
            return Err(StripingError::Order(order));
        }
        Ok(Striping { order, stripe_unit: 1 << order, stripe_count: 1 })
    }

    /// Zero for both of `unit` and `count` means the plain layout.
    pub fn new(order: u8, unit: u64, count: u64) -> Result<Striping, StripingError> {
        let plain = Striping::plain(order)?;
        if unit == 0 && count == 0 {
            return Ok(plain);
        }
        let object_size = plain.object_size();
        if unit == 0 || unit > object_size || object_size % unit != 0 {
            return Err(StripingError::Unit { unit, object_size });
        }
        if count == 0 {
            return Err(StripingError::Count);
        }
        Ok(Striping { order, stripe_unit: unit, stripe_count: count })
    }

    pub fn order(&self) -> u8 {
        self.order
    }

    /// In bytes.
    pub fn object_size(&self) -> u64 {
        1 << self.order
    }

    /// In bytes.
    pub fn stripe_unit(&self) -> u64 {
        self.stripe_unit
    }

    /// In objects.
    pub fn stripe_count(&self) -> u64 {
        self.stripe_count
    }

    /// Whether objects simply follow one another.
    pub fn is_plain(&self) -> bool {
        self.stripe_count == 1 || self.stripe_unit == self.object_size()
    }

    /// How many objects an image of `size` bytes may have.
    pub fn object_count(&self, size: u64) -> u64 {
        if self.is_plain() {
            return size.div_ceil(self.object_size());
        }
        let set_size = self.set_size();
        let rest = size % set_size;
        let in_rest = rest.div_ceil(self.stripe_unit).min(self.stripe_count);
        (size / set_size) * self.stripe_count + in_rest
    }

    /// The ranges of objects that hold `extent`, each object once, ascending.
    pub fn object_extents(&self, extent: ImageExtent) -> ObjectExtents {
        let (mut first, mut second) = (0..0, 0..0);
        if !extent.is_empty() {
            let (low, high) = (self.locate(extent.offset).0, self.locate(extent.end() - 1).0);
            (first, second) = match self.is_plain() {
                true => (low..high + 1, 0..0),
                false => self.candidates(extent, low, high),
            };
        }
        ObjectExtents { striping: *self, extent, first, second }
    }

    /// The objects that may hold something of `extent`, whose first and last byte are in `low` and
    /// `high`. Never more than the extent has stripe units, however large a set is.
    fn candidates(&self, extent: ImageExtent, low: u64, high: u64) -> (Range<u64>, Range<u64>) {
        let count = self.stripe_count;
        let set = |object: u64| object / count * count;
        let set_end = |object: u64| set(object).saturating_add(count);
        let units = (extent.end() - 1) / self.stripe_unit - extent.offset / self.stripe_unit + 1;
        match (units < count, set(low) == set(high), low <= high) {
            (true, true, true) => (low..high + 1, 0..0),
            // From the end of one stripe of a set to the begin of its next.
            (true, true, false) => (set(low)..high + 1, low..set_end(low)),
            (true, false, _) => (low..set_end(low), set(high)..high + 1),
            (false, _, _) => (set(low)..set_end(high), 0..0),
        }
    }

    /// The ranges of the image that `extent` holds, ascending, neighbours joined.
    pub fn image_extents(&self, extent: ObjectExtent) -> ImageExtents {
        ImageExtents { striping: *self, rest: extent }
    }

    /// `extent` cut so that each piece lies in one piece in one object, ascending.
    pub fn pieces(&self, extent: ImageExtent) -> Pieces {
        Pieces { striping: *self, rest: extent }
    }

    /// The first byte of the image that `object` holds at `offset`.
    pub fn image_offset(&self, object: u64, offset: u64) -> u64 {
        if self.is_plain() {
            return (object << self.order).saturating_add(offset);
        }
        let units = self.object_size() / self.stripe_unit;
        let set = object / self.stripe_count;
        let position = object % self.stripe_count;
        let stripe = set.saturating_mul(units).saturating_add(offset / self.stripe_unit);
        let block = stripe.saturating_mul(self.stripe_count).saturating_add(position);
        block.saturating_mul(self.stripe_unit).saturating_add(offset % self.stripe_unit)
    }

    /// How many bytes of `object`, from its start, lie below the image's offset `size`.
    ///
    /// Exact for every layout, since an object's bytes ascend with the image's offsets.
    pub fn object_bytes_below(&self, object: u64, size: u64) -> u64 {
        if self.is_plain() {
            let start = object.checked_shl(self.order.into()).unwrap_or(u64::MAX);
            return size.saturating_sub(start).min(self.object_size());
        }
        self.bytes_below(object, size)
    }

    /// (object, offset in it) of one byte of the image.
    fn locate(&self, offset: u64) -> (u64, u64) {
        if self.is_plain() {
            return (offset >> self.order, offset & (self.object_size() - 1));
        }
        let block = offset / self.stripe_unit;
        let (stripe, position) = (block / self.stripe_count, block % self.stripe_count);
        let units = self.object_size() / self.stripe_unit;
        let object = (stripe / units) * self.stripe_count + position;
        (object, (stripe % units) * self.stripe_unit + offset % self.stripe_unit)
    }

    fn set_size(&self) -> u64 {
        self.object_size().saturating_mul(self.stripe_count)
    }

    fn bytes_below(&self, object: u64, size: u64) -> u64 {
        let set_size = self.set_size();
        let in_set = match size.checked_sub((object / self.stripe_count).saturating_mul(set_size)) {
            None => return 0,
            Some(rest) if rest >= set_size => return self.object_size(),
            Some(rest) => rest,
        };
        let position = object % self.stripe_count;
        let block = in_set / self.stripe_unit;
        let (stripe, at) = (block / self.stripe_count, block % self.stripe_count);
        stripe * self.stripe_unit
            + match at.cmp(&position) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Equal => in_set % self.stripe_unit,
                std::cmp::Ordering::Greater => self.stripe_unit,
            }
    }
}

/// Iterator of [`Striping::object_extents`].
#[derive(Clone, Debug)]
pub struct ObjectExtents {
    striping: Striping,
    extent: ImageExtent,
    /// The objects to look at, then those after a gap.
    first: Range<u64>,
    second: Range<u64>,
}

impl Iterator for ObjectExtents {
    type Item = ObjectExtent;

    fn next(&mut self) -> Option<ObjectExtent> {
        while let Some(object) = self.first.next().or_else(|| self.second.next()) {
            let start = self.striping.object_bytes_below(object, self.extent.offset);
            let end = self.striping.object_bytes_below(object, self.extent.end());
            if start < end {
                return Some(ObjectExtent { object, offset: start, length: end - start });
            }
        }
        None
    }
}

/// Iterator of [`Striping::image_extents`].
#[derive(Clone, Debug)]
pub struct ImageExtents {
    striping: Striping,
    rest: ObjectExtent,
}

impl Iterator for ImageExtents {
    type Item = ImageExtent;

    fn next(&mut self) -> Option<ImageExtent> {
        if self.rest.length == 0 {
            return None;
        }
        let offset = self.striping.image_offset(self.rest.object, self.rest.offset);
        let length = if self.striping.is_plain() {
            self.rest.length
        } else {
            let unit = self.striping.stripe_unit;
            (unit - self.rest.offset % unit).min(self.rest.length)
        };
        self.rest.offset += length;
        self.rest.length -= length;
        Some(ImageExtent { offset, length })
    }
}

/// Iterator of [`Striping::pieces`].
#[derive(Clone, Debug)]
pub struct Pieces {
    striping: Striping,
    rest: ImageExtent,
}

impl Iterator for Pieces {
    type Item = (ImageExtent, ObjectExtent);

    fn next(&mut self) -> Option<(ImageExtent, ObjectExtent)> {
        if self.rest.is_empty() {
            return None;
        }
        let unit = match self.striping.is_plain() {
            true => self.striping.object_size(),
            false => self.striping.stripe_unit,
        };
        let length = (unit - self.rest.offset % unit).min(self.rest.length);
        let extent = ImageExtent { offset: self.rest.offset, length };
        self.rest = ImageExtent::new(extent.end(), self.rest.length - length);
        let (object, offset) = self.striping.locate(extent.offset);
        Some((extent, ObjectExtent { object, offset, length }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule as docs/formats states it, one byte at a time.
    fn locate(striping: &Striping, offset: u64) -> (u64, u64) {
        let (su, sc, os) = (striping.stripe_unit, striping.stripe_count, striping.object_size());
        let (block, stripe) = (offset / su, offset / su / sc);
        let (position, set) = (block % sc, stripe / (os / su));
        (set * sc + position, (stripe % (os / su)) * su + offset % su)
    }

    fn striping() -> impl Strategy<Value = Striping> {
        (12u8..=14, 0u32..=4, 1u64..=5).prop_map(|(order, fewer, count)| {
            Striping::new(order, (1u64 << order) >> fewer, count).expect("valid")
        })
    }

    proptest! {
        #[test]
        fn every_byte_goes_where_the_rule_says(
            striping in striping(),
            offset in 0u64..200_000,
            length in 0u64..100_000,
        ) {
            let extent = ImageExtent::new(offset, length);
            let mut seen = 0;
            let mut last_object = None;
            for piece in striping.object_extents(extent) {
                prop_assert!(last_object < Some(piece.object));
                last_object = Some(piece.object);
                let mut at = piece.offset;
                for range in striping.image_extents(piece) {
                    prop_assert!(range.offset >= offset && range.end() <= extent.end());
                    for probe in [range.offset, range.end() - 1] {
                        prop_assert_eq!(
                            locate(&striping, probe),
                            (piece.object, at + probe - range.offset)
                        );
                    }
                    at += range.length;
                    seen += range.length;
                }
                prop_assert_eq!(at, piece.end());
            }
            prop_assert_eq!(seen, length);
        }

        #[test]
        fn pieces_agree_with_object_extents(
            striping in striping(),
            offset in 0u64..200_000,
            length in 0u64..100_000,
        ) {
            let extent = ImageExtent::new(offset, length);
            let mut pieces: Vec<_> = striping
                .object_extents(extent)
                .flat_map(|piece| {
                    let mut at = piece.offset;
                    striping.image_extents(piece).map(move |range| {
                        let start = at;
                        at += range.length;
                        let length = range.length;
                        (range, ObjectExtent { object: piece.object, offset: start, length })
                    })
                })
                .collect();
            pieces.sort();
            prop_assert_eq!(striping.pieces(extent).collect::<Vec<_>>(), pieces);
        }

        #[test]
        fn object_count_is_the_last_object_plus_one(
            striping in striping(),
            size in 1u64..300_000,
        ) {
            let highest = (0..size)
                .step_by(striping.stripe_unit as usize)
                .chain([size - 1])
                .map(|offset| locate(&striping, offset).0)
                .max();
            prop_assert_eq!(Some(striping.object_count(size) - 1), highest);
        }

        #[test]
        fn nothing_overflows(object in any::<u64>(), offset in any::<u64>(), size in any::<u64>()) {
            for striping in [Striping::plain(22).unwrap(), Striping::new(22, 4096, 7).unwrap()] {
                let _ = striping.object_bytes_below(object >> 22, size);
                let _ = striping.image_offset(object >> 22, offset % (1 << 22));
                let _ = striping.object_count(size);
                let extent = ImageExtent::new(offset, size);
                let _ = striping.object_extents(extent).take(3).count();
            }
        }
    }

    /// A header may claim any stripe count.
    #[test]
    fn a_huge_set_costs_no_more_than_the_extent() {
        for count in [1_000_000_007, u64::MAX / 2, u64::MAX] {
            let striping = Striping::new(12, 1024, count).unwrap();
            let objects = |offset, length| {
                let pieces = striping.object_extents(ImageExtent::new(offset, length));
                pieces.map(|piece| (piece.object, piece.length)).collect::<Vec<_>>()
            };
            assert_eq!(objects(1000, 2000), [(0, 24), (1, 1024), (2, 952)]);
            assert_eq!(objects(u64::MAX - 100, 50).len(), 1);
            assert_eq!(objects(0, 0), []);
            if let Some(stripe) = count.checked_mul(1024) {
                assert_eq!(objects(stripe - 10, 1044), [(0, 1024), (1, 10), (count - 1, 10)]);
            }
        }
    }

    #[test]
    fn layouts_that_cannot_be_are_refused() {
        assert_eq!(Striping::plain(11), Err(StripingError::Order(11)));
        assert_eq!(Striping::plain(26), Err(StripingError::Order(26)));
        assert!(Striping::new(22, 3000, 2).is_err());
        assert!(Striping::new(22, 1 << 23, 2).is_err());
        assert_eq!(Striping::new(22, 65536, 0), Err(StripingError::Count));
        assert!(Striping::new(22, 0, 0).unwrap().is_plain());
    }
}
