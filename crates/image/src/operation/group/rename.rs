//! Giving a group another name, in its directory only.

use marcot_format::call::group::GroupDirRename;
use marcot_format::object_name::GROUP_DIRECTORY;
use marcot_store::Errno;

use super::{GroupError, find};
use crate::class_call::{CallError, tell};
use crate::client::{Client, Location};

/// Renames a group within its namespace.
pub async fn rename(
    client: &Client,
    at: &Location,
    from: &str,
    to: &str,
) -> Result<(), GroupError> {
    let group_id = find(client, at, from).await?.id;
    let call = GroupDirRename { source: from.to_owned(), target: to.to_owned(), group_id };
    match tell(&*client.store, &at.object(GROUP_DIRECTORY), &call).await {
        Err(error) if error.errno() == Errno::EXIST => {
            return Err(GroupError::Exists { name: to.to_owned() });
        }
        other => other?,
    }
    Ok(client.store.flush().await.map_err(CallError::from)?)
}
