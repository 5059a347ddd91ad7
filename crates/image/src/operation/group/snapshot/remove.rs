//! Removing a group's snapshot: of every image that has a part of it, then the record.

use marcot_format::call::group::GroupSnapRemove;
use marcot_format::group::{GroupSnapshot, ImageSnapshotSpec};

use super::{GroupSnapshotError, find, open, part};
use crate::class_call::{CallError, tell};
use crate::client::{Client, Location};
use crate::operation::snapshot::remove_by_id_unsynced;
use crate::pool::group::Group;

/// Removes a group's snapshot, complete or not.
pub async fn remove(
    client: &Client,
    at: &Location,
    group: &str,
    name: &str,
) -> Result<(), GroupSnapshotError> {
    let (group, snapshot) = find(client, at, group, name).await?;
    let removed = remove_one(client, &group, &snapshot).await;
    client.store.flush().await.map_err(CallError::from)?;
    removed
}

/// The work of [`remove`] on a known group, but for the flush that ends it.
pub(in crate::operation::group) async fn remove_one(
    client: &Client,
    group: &Group,
    snapshot: &GroupSnapshot,
) -> Result<(), GroupSnapshotError> {
    for spec in &snapshot.snapshots {
        remove_part(client, group, &snapshot.id, spec).await?;
    }
    let call = GroupSnapRemove { id: snapshot.id.clone() };
    Ok(tell(&*client.store, &group.header(), &call).await?)
}

/// An image that has gone, or has no part of the snapshot, has nothing to remove.
async fn remove_part(
    client: &Client,
    group: &Group,
    id: &str,
    spec: &ImageSnapshotSpec,
) -> Result<(), GroupSnapshotError> {
    let image = match open(client, group, spec).await {
        Err(error) if error.errno() == marcot_store::Errno::NOENT => return Ok(()),
        other => other?,
    };
    let removed = match part(&image.header(), group, id) {
        Some(snapshot) => remove_by_id_unsynced(&image, snapshot.id).await,
        None => Ok(()),
    };
    let left = image.leave().await;
    removed?;
    Ok(left?)
}
