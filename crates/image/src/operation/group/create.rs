//! Creating a group: its name, then its header.

use marcot_format::call::group::{GroupDirAdd, GroupDirRemove};
use marcot_format::object_name::GROUP_DIRECTORY;
use marcot_store::op::CreateMode;
use marcot_store::{Errno, WriteOp, WriteStep};

use super::GroupError;
use crate::class_call::{CallError, tell};
use crate::client::{Client, Location};
use crate::pool::group::Group;
use crate::pool::image_id;

/// Creates an empty group.
pub async fn create(client: &Client, at: &Location, name: &str) -> Result<(), GroupError> {
    let (store, directory) = (&*client.store, at.object(GROUP_DIRECTORY));
    let (name, group_id) = (name.to_owned(), image_id::generate(client));
    let call = GroupDirAdd { name: name.clone(), group_id: group_id.clone() };
    match tell(store, &directory, &call).await {
        Err(error) if error.errno() == Errno::EXIST => return Err(GroupError::Exists { name }),
        other => other?,
    }
    let header = Group { at: at.clone(), id: group_id.clone() }.header();
    let creation = WriteOp::new(vec![WriteStep::Create(CreateMode::Exclusive)]).ordered();
    if let Err(error) = store.write(&header, creation).await {
        // The first error is what the caller needs to hear.
        let _ = tell(store, &directory, &GroupDirRemove { name, group_id }).await;
        return Err(CallError::from(error).into());
    }
    Ok(store.flush().await.map_err(CallError::from)?)
}
