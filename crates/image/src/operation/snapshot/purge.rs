//! Removing all snapshots that users took and that are not protected.

use marcot_format::snapshot::ProtectionStatus;

use super::remove::remove_unsynced;
use super::{RemoveSnapshotError, Scope, list};
use crate::image::Image;
use crate::operation::claim::ClaimError;
use crate::progress::Progress;

/// What a purge left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurgeOutcome {
    /// How many snapshots there were.
    pub total: usize,
    /// Names of protected snapshots; they stay.
    pub protected: Vec<String>,
}

/// Removes the snapshots one after the other, oldest first, as far as nothing fails. One flush makes all
/// of it durable: what a power cut takes with it are the last of them, as if it had come earlier.
pub async fn purge(
    image: &Image,
    progress: &dyn Progress,
) -> Result<PurgeOutcome, RemoveSnapshotError> {
    image.refresh().await.map_err(ClaimError::from)?;
    let header = image.header();
    let snapshots = list(&header, Scope::User);
    let total = snapshots.len();
    let (removable, protected): (Vec<_>, Vec<_>) = snapshots
        .into_iter()
        .partition(|snapshot| snapshot.protection == ProtectionStatus::Unprotected);
    let mut removed = Ok(());
    for (done, snapshot) in removable.iter().enumerate() {
        removed = remove_unsynced(image, &snapshot.name).await;
        if removed.is_err() {
            break;
        }
        progress.update(done as u64 + 1, total as u64);
    }
    image.store().flush().await?;
    removed?;
    let protected = protected.into_iter().map(|snapshot| snapshot.name.clone()).collect();
    Ok(PurgeOutcome { total, protected })
}
