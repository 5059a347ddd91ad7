//! The kinds of operations, and how each is aimed.

use super::{DEFAULT_FEATURES, Generator, MOST, SNAPS, parts};
use crate::differential::operation::{Layout, Operation};

/// Images of format 1.
const OLD_SPOTS: [&str; 2] = ["a/old0", "a/old1"];

type Make = fn(&mut Generator) -> Option<Operation>;

/// How often, and what.
pub(super) const KINDS: [(u64, Make); 33] = [
    (5, Generator::create),
    (24, Generator::write),
    (7, Generator::discard),
    (7, Generator::write_zeroes),
    (4, Generator::compare_and_write),
    (3, Generator::read),
    (6, Generator::resize),
    (11, Generator::snap_create),
    (4, Generator::snap_remove),
    (2, Generator::snap_rename),
    (6, Generator::snap_protect),
    (3, Generator::snap_unprotect),
    (4, Generator::snap_rollback),
    (1, Generator::snap_limit),
    (11, Generator::clone),
    (5, Generator::flatten),
    (2, Generator::copy),
    (3, Generator::remove),
    (2, Generator::rename),
    (2, Generator::meta_set),
    (1, Generator::meta_remove),
    (4, Generator::features),
    (1, Generator::rebuild_object_map),
    (2, Generator::config),
    (1, Generator::pool_config),
    (3, Generator::trash_move),
    (2, Generator::trash_restore),
    (1, Generator::trash_remove),
    (1, Generator::namespace),
    (2, Generator::group),
    (3, Generator::group_member),
    (3, Generator::group_snap_create),
    (2, Generator::group_snap),
];

/// Making images and taking them away.
impl Generator {
    pub(super) fn create(&mut self) -> Option<Operation> {
        let (mut image, mut layout) = (self.free_spot(), self.layout());
        let old = self.chance(14);
        if old {
            // A place of its own: librbd makes clones of the same name beside it.
            image = (*self.random.pick(&OLD_SPOTS)).to_owned();
            layout = Layout { order: layout.order, features: 0, stripe: None, data_pool: None };
        }
        let size = self.size(layout.order);
        self.add(&image, size, &layout, false);
        Some(Operation::Create { image, size, old, layout })
    }

    fn clone(&mut self) -> Option<Operation> {
        let safe = self.chance(2);
        let (parent, snap) = self.snap(|protected| protected || !safe)?;
        let protected = self.known(&parent).snaps.iter().any(|(name, safe)| *name == snap && *safe);
        let format = if protected && self.chance(2) { 1 } else { 2 };
        let format = if self.astray() { 3 - format } else { format };
        let (image, mut layout) = (self.free_spot(), self.layout());
        if OLD_SPOTS.contains(&parent.as_str()) {
            // Refused anyway; of two reasons librbd names another one first than for format 2.
            layout.features = DEFAULT_FEATURES;
            layout.stripe = None;
        }
        self.add(&image, self.known(&parent).size, &layout, true);
        Some(Operation::Clone { parent, snap, image, format, layout })
    }

    fn copy(&mut self) -> Option<Operation> {
        let (from, snap) = match self.chance(2) {
            true => self.snap(|_| true).map(|(image, snap)| (image, Some(snap)))?,
            false => (self.image()?, None),
        };
        let (image, layout) = (self.free_spot(), self.layout());
        self.add(&image, self.known(&from).size, &layout, false);
        Some(Operation::Copy { from, snap, image, layout })
    }

    fn remove(&mut self) -> Option<Operation> {
        let image = self.image_that(|known| known.snaps.is_empty())?;
        if self.known(&image).snaps.is_empty() {
            self.images.remove(&image);
        }
        Some(Operation::Remove { image })
    }

    fn rename(&mut self) -> Option<Operation> {
        let image = self.image()?;
        let spot = match OLD_SPOTS.contains(&image.as_str()) {
            true => (*self.random.pick(&OLD_SPOTS)).to_owned(),
            false => self.free_spot(),
        };
        let to = parts(&spot).2.to_owned();
        let renamed = format!("{}{to}", &image[..image.len() - parts(&image).2.len()]);
        if let Some(known) = self.images.remove(&image) {
            self.images.entry(renamed).or_insert(known);
        }
        Some(Operation::Rename { image, to })
    }

    fn resize(&mut self) -> Option<Operation> {
        let image = self.image()?;
        let known = self.known(&image);
        let size = match self.chance(3) {
            true => known.size / 2,
            false => self.size(known.order),
        };
        let shrink = size < known.size && !self.astray();
        if let Some(known) = self.images.get_mut(&image) {
            known.size = size;
        }
        Some(Operation::Resize { image, size, shrink })
    }

    fn flatten(&mut self) -> Option<Operation> {
        let image = self.image_that(|known| known.clone)?;
        if let Some(known) = self.images.get_mut(&image) {
            known.clone = false;
        }
        Some(Operation::Flatten { image })
    }

    fn rebuild_object_map(&mut self) -> Option<Operation> {
        Some(Operation::RebuildObjectMap { image: self.image()? })
    }

    fn features(&mut self) -> Option<Operation> {
        let image = self.image()?;
        let has = self.known(&image).features;
        let enable = self.chance(2);
        // What may be switched, from what depends on nothing to what depends on the rest.
        let bits = match (enable, has & DEFAULT_FEATURES) {
            // But journaling, which our side refuses.
            _ if self.astray() => (1 << self.random.below(12)) & !0x40,
            (true, has) if has & 0x4 == 0 => *self.random.pick(&[0x4, 0xc, 0x1c, 0x8]),
            (true, has) if has & 0x8 == 0 => *self.random.pick(&[0x8, 0x18, 0x10]),
            (true, _) => 0x10,
            (false, has) if has & 0x8 != 0 => *self.random.pick(&[0x18, 0x8, 0x10, 0x1c, 0x20]),
            (false, _) => *self.random.pick(&[0x4, 0x20]),
        };
        if let Some(known) = self.images.get_mut(&image) {
            known.features = if enable { has | bits } else { has & !bits };
        }
        Some(Operation::Features { image, bits, enable })
    }

    pub(super) fn namespace(&mut self) -> Option<Operation> {
        let (pool, name) = ("a".to_owned(), "n".to_owned());
        let used = self.images.keys().any(|image| !parts(image).1.is_empty());
        if self.namespace && !self.namespace_grouped && (!used || self.astray()) {
            self.namespace = used;
            return Some(Operation::NamespaceRemove { pool, name });
        }
        self.namespace = true;
        Some(Operation::NamespaceCreate { pool, name })
    }
}

/// Bytes.
impl Generator {
    /// Offset and length within a size: whole objects, blocks, sectors, single bytes.
    fn range(&mut self, size: u64, order: u8) -> (u64, u64) {
        let unit = match self.random.below(5) {
            0 => 1,
            1 => 512,
            2 | 3 => 4096,
            _ => 1 << order,
        };
        let offset = self.random.below(size / unit + 1) * unit;
        let length = match unit {
            1 => 1 + self.random.below(9000),
            _ => unit * (1 + self.random.below(8)),
        };
        let length = length.min(MOST / 4);
        // One in twenty reaches over the end.
        let left = size.saturating_sub(offset);
        let length = if self.chance(20) { length } else { length.min(left).max(1) };
        (offset, length)
    }

    fn target(&mut self) -> Option<(String, u64, u64)> {
        let image = self.image_that(|known| known.size > 0)?;
        let known = self.known(&image);
        let (offset, length) = self.range(known.size, known.order);
        Some((image, offset, length))
    }

    fn fill(&mut self) -> u8 {
        if self.chance(6) { 0 } else { 1 + (self.random.below(250) as u8) }
    }

    fn write(&mut self) -> Option<Operation> {
        let (image, offset, length) = self.target()?;
        Some(Operation::Write { image, offset, length, fill: self.fill() })
    }

    fn discard(&mut self) -> Option<Operation> {
        let (image, offset, length) = self.target()?;
        Some(Operation::Discard { image, offset, length })
    }

    fn write_zeroes(&mut self) -> Option<Operation> {
        let (image, offset, length) = self.target()?;
        Some(Operation::WriteZeroes { image, offset, length })
    }

    fn compare_and_write(&mut self) -> Option<Operation> {
        let image = self.image_that(|known| known.size >= 512)?;
        let offset = self.random.below((self.known(&image).size / 512).max(1)) * 512;
        let matches = !self.chance(4);
        Some(Operation::CompareAndWrite { image, offset, fill: self.fill(), matches })
    }

    fn read(&mut self) -> Option<Operation> {
        let (image, offset, length) = self.target()?;
        let writable = self.chance(2);
        Some(Operation::Read { image, snap: None, offset, length, writable })
    }
}

/// Snapshots, and what hangs on an image.
impl Generator {
    fn snap_create(&mut self) -> Option<Operation> {
        let image = self.image()?;
        let known = self.known(&image);
        let taken = |name: &str| known.snaps.iter().any(|(taken, _)| taken == name);
        let free: Vec<&str> = SNAPS.into_iter().filter(|name| !taken(name)).collect();
        let snap = if free.is_empty() { SNAPS[0] } else { self.random.pick(&free) }.to_owned();
        if let Some(known) = self.images.get_mut(&image) {
            known.snaps.push((snap.clone(), false));
        }
        Some(Operation::SnapCreate { image, snap })
    }

    fn snap_remove(&mut self) -> Option<Operation> {
        let (image, snap) = self.snap(|protected| !protected)?;
        if let Some(known) = self.images.get_mut(&image) {
            known.snaps.retain(|(name, safe)| *name != snap || *safe);
        }
        Some(Operation::SnapRemove { image, snap })
    }

    fn snap_rename(&mut self) -> Option<Operation> {
        let (image, snap) = self.snap(|_| true)?;
        let to = (*self.random.pick(&SNAPS)).to_owned();
        if let Some(known) = self.images.get_mut(&image)
            && !known.snaps.iter().any(|(name, _)| *name == to)
            && let Some(renamed) = known.snaps.iter_mut().find(|(name, _)| *name == snap)
        {
            renamed.0.clone_from(&to);
        }
        Some(Operation::SnapRename { image, snap, to })
    }

    fn snap_protect(&mut self) -> Option<Operation> {
        let (image, snap) = self.snap(|protected| !protected)?;
        self.guard(&image, &snap, true);
        Some(Operation::SnapProtect { image, snap })
    }

    fn snap_unprotect(&mut self) -> Option<Operation> {
        let (image, snap) = self.snap(|protected| protected)?;
        if self.chance(2) {
            self.guard(&image, &snap, false);
        }
        Some(Operation::SnapUnprotect { image, snap })
    }

    fn guard(&mut self, image: &str, snap: &str, safe: bool) {
        let known = self.images.get_mut(image);
        let found = known.and_then(|known| known.snaps.iter_mut().find(|(name, _)| name == snap));
        if let Some(found) = found {
            found.1 = safe;
        }
    }

    fn snap_rollback(&mut self) -> Option<Operation> {
        let (image, snap) = self.snap(|_| true)?;
        Some(Operation::SnapRollback { image, snap })
    }

    fn snap_limit(&mut self) -> Option<Operation> {
        let limit = self.chance(2).then(|| self.random.below(6));
        Some(Operation::SnapLimit { image: self.image()?, limit })
    }

    fn key(&mut self) -> String {
        (*self.random.pick(&["colour", "k", "conf_rbd_cache", "a b"])).to_owned()
    }

    fn meta_set(&mut self) -> Option<Operation> {
        let (key, value) = (self.key(), format!("v{}", self.random.below(9)));
        let value = if key.starts_with("conf_") { "false".to_owned() } else { value };
        Some(Operation::MetaSet { image: self.image()?, key, value })
    }

    fn meta_remove(&mut self) -> Option<Operation> {
        let key = self.key();
        Some(Operation::MetaRemove { image: self.image()?, key })
    }

    pub(super) fn lock(&mut self) -> Option<Operation> {
        let image = self.image()?;
        let cookie = (*self.random.pick(&["c1", "c2"])).to_owned();
        if self.chance(2) {
            return Some(Operation::LockRemove { image, cookie });
        }
        let tag = self.chance(2).then(|| "t".to_owned());
        Some(Operation::LockAdd { image, cookie, tag })
    }
}
