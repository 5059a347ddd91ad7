//! Mirroring: what `rbd_mirroring` tells, and checkpoints in headers.

mod daemon;
mod image;
mod mode;
mod peer;
mod snapshot;
mod status;
mod summary;

use crate::method::Entry;

/// All methods about mirroring.
pub(super) fn methods() -> impl Iterator<Item = Entry> {
    let topics: [&'static [Entry]; 7] = [
        &mode::METHODS,
        &peer::METHODS,
        &image::METHODS,
        &daemon::METHODS,
        &snapshot::METHODS,
        &status::METHODS,
        &summary::METHODS,
    ];
    topics.into_iter().flatten().copied()
}
