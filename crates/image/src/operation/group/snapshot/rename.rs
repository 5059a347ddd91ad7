//! Giving a group's snapshot another name, in its record only.

use marcot_format::call::group::GroupSnapSet;
use marcot_format::group::GroupSnapshot;
use marcot_store::Errno;

use super::{GroupSnapshotError, find};
use crate::class_call::{CallError, tell};
use crate::client::{Client, Location};

/// Renames a group's snapshot. As in Ceph, one that is incomplete keeps its name.
pub async fn rename(
    client: &Client,
    at: &Location,
    group: &str,
    from: &str,
    to: &str,
) -> Result<(), GroupSnapshotError> {
    let exists = || GroupSnapshotError::Exists { name: to.to_owned() };
    if from == to {
        return Err(exists());
    }
    let (group, snapshot) = find(client, at, group, from).await?;
    let call = GroupSnapSet { snapshot: GroupSnapshot { name: to.to_owned(), ..snapshot } };
    match tell(&*client.store, &group.header(), &call).await {
        Err(error) if error.errno() == Errno::EXIST => return Err(exists()),
        other => other?,
    }
    Ok(client.store.flush().await.map_err(CallError::from)?)
}
