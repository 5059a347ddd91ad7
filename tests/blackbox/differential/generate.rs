//! Random lists of operations with a good chance of being allowed.
//!
//! The generator keeps a rough picture of what there should be: enough to aim well, not enough to
//! know what Ceph will say. One operation in twelve is aimed at random.

mod groups;
mod kinds;
mod pools;

use std::collections::BTreeMap;

use marcot_testkit::Random;

use super::operation::{Layout, Operation, parts};
use kinds::KINDS;

const SPOTS: [&str; 8] = ["a/i0", "a/i1", "a/i2", "a/i3", "a/n/i0", "a/n/i1", "b/i0", "b/i1"];
const SNAPS: [&str; 5] = ["s0", "s1", "s2", "s3", "s4"];
const DEFAULT_FEATURES: u64 = 0x3d;
const LAYERING: u64 = 1;
const STRIPING: u64 = 2;
/// The largest image, in bytes: all its snapshots are read after every list.
const MOST: u64 = 1 << 20;

/// An image as it should be.
#[derive(Clone, Debug)]
struct Known {
    size: u64,
    order: u8,
    features: u64,
    /// Name, and whether it is protected.
    snaps: Vec<(String, bool)>,
    clone: bool,
}

/// A list of `length` operations.
pub(crate) fn operations(seed: u64, length: usize) -> Vec<Operation> {
    let (random, images) = (Random::new(seed), BTreeMap::new());
    let (trash, groups) = (BTreeMap::new(), BTreeMap::new());
    let (namespace, namespace_grouped) = (false, false);
    let mut generator = Generator { random, images, trash, groups, namespace, namespace_grouped };
    let mut list = Vec::new();
    if generator.chance(3) {
        list.extend(generator.namespace());
    }
    // Whoever writes to an image that somebody has locked by hand waits for ever, so that locks
    // come last.
    let locks = generator.random.below(4) as usize;
    while list.len() + locks < length {
        list.extend(generator.next());
    }
    list.extend((0..locks).filter_map(|_| generator.lock()));
    list
}

struct Generator {
    random: Random,
    images: BTreeMap<String, Known>,
    /// By the names that they had.
    trash: BTreeMap<String, Known>,
    groups: BTreeMap<String, groups::Group>,
    /// Whether there should be `a/n`.
    namespace: bool,
    /// Whether groups were made in it: librbd then removes it with all traces of them but one.
    namespace_grouped: bool,
}

impl Generator {
    fn next(&mut self) -> Option<Operation> {
        if self.images.len() < 2 && self.chance(2) {
            return self.create();
        }
        let total = KINDS.iter().map(|(weight, _)| weight).sum();
        let mut at = self.random.below(total);
        for (weight, make) in KINDS {
            if at < weight {
                return make(self);
            }
            at -= weight;
        }
        unreachable!("below the sum")
    }

    /// One time in `of`.
    fn chance(&mut self, of: u64) -> bool {
        self.random.below(of) == 0
    }

    fn astray(&mut self) -> bool {
        self.chance(12)
    }

    fn spot(&mut self) -> String {
        (*self.random.pick(&SPOTS)).to_owned()
    }

    /// Where nothing is yet.
    fn free_spot(&mut self) -> String {
        let free = SPOTS.into_iter().filter(|spot| !self.images.contains_key(*spot));
        let free: Vec<&str> =
            free.filter(|spot| self.namespace || parts(spot).1.is_empty()).collect();
        match free.is_empty() || self.astray() {
            true => self.spot(),
            false => (*self.random.pick(&free)).to_owned(),
        }
    }

    /// An image that should be there.
    fn image(&mut self) -> Option<String> {
        self.image_that(|_| true)
    }

    fn image_that(&mut self, fits: impl Fn(&Known) -> bool) -> Option<String> {
        if self.astray() {
            return Some(self.spot());
        }
        let fitting: Vec<&String> =
            self.images.iter().filter(|(_, known)| fits(known)).map(|(name, _)| name).collect();
        if fitting.is_empty() { None } else { Some((*self.random.pick(&fitting)).clone()) }
    }

    fn known(&self, image: &str) -> Known {
        let nothing =
            Known { size: 1 << 17, order: 16, features: 0, snaps: Vec::new(), clone: false };
        self.images.get(image).cloned().unwrap_or(nothing)
    }

    /// A snapshot that should be there.
    fn snap(&mut self, fits: impl Fn(bool) -> bool) -> Option<(String, String)> {
        let image = self.image_that(|known| known.snaps.iter().any(|(_, safe)| fits(*safe)))?;
        if self.astray() {
            return Some((image, (*self.random.pick(&SNAPS)).to_owned()));
        }
        let known = self.known(&image);
        let fitting: Vec<&String> =
            known.snaps.iter().filter(|(_, safe)| fits(*safe)).map(|(name, _)| name).collect();
        if fitting.is_empty() {
            return None;
        }
        let snap = (*self.random.pick(&fitting)).clone();
        Some((image, snap))
    }

    fn layout(&mut self) -> Layout {
        let order = *self.random.pick(&[12, 14, 16, 16, 16, 16, 17, 18, 20, 22]);
        let mut features = match self.random.below(10) {
            0 => LAYERING,
            1 => 0x5,
            2 => 0xd,
            3 => 0x21,
            4 => 0x1d,
            5 => *self.random.pick(&[0, 0x9, 0x11, 0x3f, 0x13d, 0x1000]),
            _ => DEFAULT_FEATURES,
        };
        let stripe = self.chance(8).then(|| {
            features |= STRIPING;
            let unit = 1 << (u64::from(order) - self.random.below(3));
            (unit, 1 + self.random.below(3))
        });
        let data_pool = self.chance(8).then(|| "b".to_owned());
        Layout { order, features, stripe, data_pool }
    }

    fn size(&mut self, order: u8) -> u64 {
        let objects = self.random.below(10) << order;
        let more = *self.random.pick(&[0, 0, 0, 512, 4096, 777, 40_000]);
        (objects + more).min(MOST)
    }

    fn add(&mut self, image: &str, size: u64, layout: &Layout, clone: bool) {
        let in_no_namespace = !parts(image).1.is_empty() && !self.namespace;
        let valid = layout.features & 0x9 != 0x9 || layout.features & 0x4 != 0;
        if valid && !in_no_namespace {
            let Layout { order, features, .. } = *layout;
            let known = Known { size, order, features, snaps: Vec::new(), clone };
            self.images.entry(image.to_owned()).or_insert(known);
        }
    }
}
