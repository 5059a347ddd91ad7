//! Making every image what it was at a group's snapshot.

use std::sync::Arc;

use marcot_format::group::GroupSnapshot;

use super::{GroupSnapshotError, close, find, open, part};
use crate::client::{Client, Location};
use crate::image::Image;
use crate::operation::claim::Claim;
use crate::operation::snapshot::rollback_claimed;
use crate::pool::group::Group;
use crate::progress::{NoProgress, Progress};

/// Rolls every image back that was a member when the snapshot was taken.
pub async fn rollback(
    client: &Client,
    at: &Location,
    group: &str,
    name: &str,
    progress: &dyn Progress,
) -> Result<(), GroupSnapshotError> {
    let (group, snapshot) = find(client, at, group, name).await?;
    let mut images = Vec::new();
    let mut opened = Ok(());
    for spec in &snapshot.snapshots {
        match open(client, &group, spec).await {
            Ok(image) => images.push(image),
            Err(error) => {
                opened = Err(error);
                break;
            }
        }
    }
    let rolled_back = match opened {
        Ok(()) => all(&group, &snapshot, &images, progress).await,
        failed => failed,
    };
    let closed = close(&images).await;
    rolled_back.and(closed)
}

/// Nothing is rolled back before all images are this client's and all snapshots are found.
async fn all(
    group: &Group,
    snapshot: &GroupSnapshot,
    images: &[Arc<Image>],
    progress: &dyn Progress,
) -> Result<(), GroupSnapshotError> {
    let mut claims = Vec::new();
    for image in images {
        let claim = Claim::take(image).await?;
        let header = claim.header();
        let missing = || GroupSnapshotError::Missing { image: Arc::clone(&header.name) };
        let part = part(&header, group, &snapshot.id).ok_or_else(missing)?.id;
        claims.push((claim, part));
    }
    for (done, (claim, part)) in (1..).zip(&claims) {
        rollback_claimed(claim, *part, &NoProgress).await?;
        progress.update(done, claims.len() as u64);
    }
    Ok(())
}
