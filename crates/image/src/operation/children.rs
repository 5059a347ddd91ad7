//! The clones of an image.

use crate::class_call::CallError;
use crate::image::Image;
use crate::pool::children;

pub use crate::pool::children::Child;

/// The clones of the opened snapshot, or of all snapshots when the head is opened. Sorted by
/// pool, namespace and name.
pub async fn children(image: &Image) -> Result<Vec<Child>, CallError> {
    let header = image.header();
    let mut found = Vec::new();
    for snapshot in header.snapshots.iter().rev() {
        if image.snap() == snapshot.id || image.snap() == marcot_store::SnapId::HEAD {
            let parent = children::spec(image.location(), &header.id, snapshot.id.0);
            found.extend(children::list(image.client(), &parent).await?);
        }
    }
    found.sort_by(|a, b| a.sorting_key().cmp(&b.sorting_key()));
    found.dedup();
    Ok(found)
}
