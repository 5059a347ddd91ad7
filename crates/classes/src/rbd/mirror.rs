//! Mirroring: what `rbd_mirroring` tells. Statuses and mirror snapshots are not answered for yet.

mod daemon;
mod image;
mod mode;
mod peer;

use crate::method::Entry;

/// All methods of `rbd_mirroring` that there are.
pub(super) fn methods() -> impl Iterator<Item = Entry> {
    let topics: [&'static [Entry]; 4] =
        [&mode::METHODS, &peer::METHODS, &image::METHODS, &daemon::METHODS];
    topics.into_iter().flatten().copied()
}
