//! What belongs to pools: the trash, and options.

use super::{Generator, parts};
use crate::differential::operation::Operation;

/// Options of images that change what is stored, and one that is none.
const OF_IMAGES: [(&str, &[&str]); 5] = [
    ("rbd_clone_copy_on_read", &["true", "true", "true", "false", "perhaps"]),
    ("rbd_skip_partial_discard", &["false", "true"]),
    ("rbd_discard_granularity_bytes", &["4096", "65536"]),
    ("rbd_cache", &["false"]),
    ("rbd_nonsense", &["1"]),
];

const OF_POOLS: [(&str, &[&str]); 4] = [
    ("rbd_clone_copy_on_read", &["true", "false"]),
    ("rbd_move_parent_to_trash_on_remove", &["true", "false"]),
    ("rbd_move_to_trash_on_remove", &["true", "false"]),
    ("rbd_nonsense", &["1"]),
];

impl Generator {
    pub(super) fn config(&mut self) -> Option<Operation> {
        let image = self.image()?;
        let (key, values) = *self.random.pick(&OF_IMAGES);
        let key = key.to_owned();
        if self.chance(4) {
            return Some(Operation::ConfigRemove { image, key });
        }
        let value = (*self.random.pick(values)).to_owned();
        Some(Operation::ConfigSet { image, key, value })
    }

    pub(super) fn pool_config(&mut self) -> Option<Operation> {
        let pool = (*self.random.pick(&["a", "b"])).to_owned();
        let (key, values) = *self.random.pick(&OF_POOLS);
        let key = key.to_owned();
        if self.chance(3) {
            return Some(Operation::PoolConfigRemove { pool, key });
        }
        let value = (*self.random.pick(values)).to_owned();
        Some(Operation::PoolConfigSet { pool, key, value })
    }

    pub(super) fn trash_move(&mut self) -> Option<Operation> {
        let image = self.image()?;
        if let Some(known) = self.images.remove(&image) {
            self.trash.insert(image.clone(), known);
        }
        let delay = if self.chance(4) { 3600 } else { 0 };
        Some(Operation::TrashMove { image, delay })
    }

    pub(super) fn trash_restore(&mut self) -> Option<Operation> {
        let image = self.trashed()?;
        let spot = if self.chance(3) { self.free_spot() } else { image.clone() };
        let to = parts(&spot).2.to_owned();
        let restored = format!("{}{to}", &image[..image.len() - parts(&image).2.len()]);
        if !self.images.contains_key(&restored)
            && let Some(known) = self.trash.remove(&image)
        {
            self.images.insert(restored, known);
        }
        Some(Operation::TrashRestore { image, to })
    }

    pub(super) fn trash_remove(&mut self) -> Option<Operation> {
        let image = self.trashed()?;
        if self.trash.get(&image).is_some_and(|known| known.snaps.is_empty()) {
            self.trash.remove(&image);
        }
        Some(Operation::TrashRemove { image, force: self.chance(2) })
    }

    fn trashed(&mut self) -> Option<String> {
        let all: Vec<&String> = self.trash.keys().collect();
        if all.is_empty() { None } else { Some((*self.random.pick(&all)).clone()) }
    }
}
