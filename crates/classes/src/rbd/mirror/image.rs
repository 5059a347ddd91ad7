//! Images that are mirrored.

use std::collections::BTreeMap;

use marcot_format::call::mirror::{
    MirrorImageGet, MirrorImageGetImageId, MirrorImageList, MirrorImageRemove, MirrorImageSet,
};
use marcot_format::mirror::{
    GLOBAL_PREFIX, IMAGE_MAP_PREFIX, IMAGE_PREFIX, MirrorImage, MirrorImageState,
};
use marcot_format::wire::Decode;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::{Entry, Method};
use crate::omap;

pub(super) const METHODS: [Entry; 5] = [
    Entry::of::<MirrorImageList>(),
    Entry::of::<MirrorImageGetImageId>(),
    Entry::of::<MirrorImageGet>(),
    Entry::of::<MirrorImageSet>(),
    Entry::of::<MirrorImageRemove>(),
];

/// Images with an id after `after`.
pub(super) fn images(
    object: &mut dyn ObjectContext,
    after: &str,
    max: u64,
) -> Result<Vec<(String, MirrorImage)>, Errno> {
    omap::list(object, IMAGE_PREFIX, after, u64::MAX)?
        .into_iter()
        // An image's id holds no `_`: what does is of another kind.
        .filter(|(id, _)| !format!("{IMAGE_PREFIX}{id}").starts_with(IMAGE_MAP_PREFIX))
        .take(usize::try_from(max).unwrap_or(usize::MAX))
        .map(|(id, image)| Ok((id, MirrorImage::from_bytes(&image).map_err(|_| Errno::IO)?)))
        .collect()
}

pub(super) fn global_key(global_image_id: &str) -> String {
    format!("{GLOBAL_PREFIX}{global_image_id}")
}

impl Method for MirrorImageList {
    fn run(self, object: &mut dyn ObjectContext) -> Result<BTreeMap<String, String>, Errno> {
        let images = images(object, &self.after, self.max)?.into_iter();
        Ok(images.map(|(id, image)| (id, image.global_image_id)).collect())
    }
}

impl Method for MirrorImageGetImageId {
    fn run(self, object: &mut dyn ObjectContext) -> Result<String, Errno> {
        omap::value(object, &global_key(&self.global_image_id))
    }
}

impl Method for MirrorImageGet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<MirrorImage, Errno> {
        omap::value(object, &MirrorImage::key(&self.image_id))
    }
}

impl Method for MirrorImageSet {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = MirrorImage::key(&self.image_id);
        let known: Option<MirrorImage> = omap::optional(object, &key)?;
        if known.is_some_and(|known| known.global_image_id != self.image.global_image_id) {
            return Err(Errno::INVAL);
        }
        let global_key = global_key(&self.image.global_image_id);
        let owner: Option<String> = omap::optional(object, &global_key)?;
        if owner.is_some_and(|owner| owner != self.image_id) {
            return Err(Errno::EXIST);
        }
        object
            .omap_set(vec![omap::pair(&key, &self.image), omap::pair(&global_key, &self.image_id)])
    }
}

impl Method for MirrorImageRemove {
    fn run(self, object: &mut dyn ObjectContext) -> Result<(), Errno> {
        let key = MirrorImage::key(&self.image_id);
        let image: MirrorImage = omap::value(object, &key)?;
        if image.state != MirrorImageState::Disabling {
            return Err(Errno::BUSY);
        }
        omap::remove(object, &key)?;
        omap::remove(object, &global_key(&image.global_image_id))
    }
}
