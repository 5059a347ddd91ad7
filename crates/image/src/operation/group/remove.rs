//! Removing a group: its snapshots, then its members' references, its header, its name.

use marcot_format::call::group::GroupDirRemove;
use marcot_format::object_name::GROUP_DIRECTORY;

use super::{GroupError, member, snapshot};
use crate::class_call::{CallError, tell};
use crate::client::{Client, Location};
use crate::operation::detach::remove_object;
use crate::pool::group;

/// Removes a group and its snapshots; the images stay. A group that is not there is as good as
/// removed, as in Ceph.
pub async fn remove(client: &Client, at: &Location, name: &str) -> Result<(), GroupError> {
    let Some(group) = group::find(client, at, name).await? else { return Ok(()) };
    for taken in group::snapshots(client, &group).await? {
        snapshot::remove_one(client, &group, &taken).await?;
    }
    for status in group::members(client, &group).await? {
        member::detach(client, &group, &status.spec).await?;
    }
    remove_object(client, &group.header()).await?;
    let call = GroupDirRemove { name: name.to_owned(), group_id: group.id };
    match tell(&*client.store, &at.object(GROUP_DIRECTORY), &call).await {
        Err(error) if error.is_not_found() => {}
        other => other?,
    }
    Ok(client.store.flush().await.map_err(CallError::from)?)
}
