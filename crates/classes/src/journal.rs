//! The class `journal`: what an image's journal knows of itself, its clients and its tags.

mod client;
mod entries;
mod geometry;
mod tag;

use marcot_format::wire::Decode;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::Entry;

/// All methods of the class.
pub(crate) fn methods() -> impl Iterator<Item = Entry> {
    let topics: [&'static [Entry]; 4] =
        [&geometry::METHODS, &client::METHODS, &tag::METHODS, &entries::METHODS];
    topics.into_iter().flatten().copied()
}

/// A value that must be there (`ENOENT`). Damage is `EINVAL` in this class, except in lists.
fn value<T: Decode>(object: &mut dyn ObjectContext, key: &str) -> Result<T, Errno> {
    T::from_bytes(&object.omap_value(key.as_bytes())?).map_err(|_| Errno::INVAL)
}
