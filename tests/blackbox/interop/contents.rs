//! What every image and snapshot must hold by now: a plain copy of their bytes.

use std::collections::BTreeMap;

use marcot_testkit::adler32;

use super::table::Effect;
use crate::differential::pattern;

/// `image` and `image@snapshot`, with their bytes.
#[derive(Default)]
pub(super) struct Contents(BTreeMap<String, Vec<u8>>);

impl Contents {
    pub(super) fn apply(&mut self, effect: &Effect) {
        match *effect {
            Effect::New(name, size) => {
                self.0.insert(name.to_owned(), vec![0; size]);
            }
            Effect::Bytes { image, offset, length, fill } => {
                let bytes = self.of(image);
                bytes[offset..offset + length].copy_from_slice(&pattern(fill, length as u64));
            }
            Effect::Copy(from, to) => {
                let bytes = self.of(from).clone();
                self.0.insert(to.to_owned(), bytes);
            }
            Effect::Move(from, to) => {
                let snapshots = self.snapshots(from);
                for name in snapshots.into_iter().chain([from.to_owned()]) {
                    let bytes = self.0.remove(&name).expect("it is there");
                    self.0.insert(name.replacen(from, to, 1), bytes);
                }
            }
            Effect::Purged(image) => {
                for snapshot in self.user_snapshots(image) {
                    self.0.remove(&snapshot);
                }
            }
            Effect::Size(image, size) => self.of(image).resize(size, 0),
            Effect::Gone(name) => {
                for snapshot in self.snapshots(name) {
                    self.0.remove(&snapshot);
                }
                self.0.remove(name).expect("it is there");
            }
        }
    }

    fn of(&mut self, name: &str) -> &mut Vec<u8> {
        self.0.get_mut(name).unwrap_or_else(|| panic!("the table has no {name} by now"))
    }

    fn snapshots(&self, image: &str) -> Vec<String> {
        let start = format!("{image}@");
        self.0.keys().filter(|name| name.starts_with(&start)).cloned().collect()
    }

    /// The user's snapshots of an image.
    pub(super) fn user_snapshots(&self, image: &str) -> Vec<String> {
        let mut all = self.snapshots(image);
        all.retain(|name| !name.contains("@trash:") && !name.contains("@group:"));
        all
    }

    /// Whether there is such an image and it is not in the trash.
    pub(super) fn has(&self, image: &str) -> bool {
        !image.starts_with("trash:") && self.0.contains_key(image)
    }

    /// All images; what is in the trash is not listed.
    pub(super) fn images(&self) -> Vec<String> {
        let all = self.0.keys().filter(|name| !name.contains('@') && self.has(name));
        all.cloned().collect()
    }

    /// The sums that both sides must see of `images`, whose names begin with `place`.
    pub(super) fn sums(&self, place: &str, images: &[String]) -> BTreeMap<String, u32> {
        let named = self.0.iter().map(|(name, bytes)| (format!("{place}{name}"), bytes));
        let image = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
        let wanted = named.filter(|(name, _)| images.contains(&image(name)));
        wanted.map(|(name, bytes)| (name, adler32(bytes))).collect()
    }
}
