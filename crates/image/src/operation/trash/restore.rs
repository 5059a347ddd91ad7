//! Giving an image in the trash a name again: the name's object, the directory, then the entry goes.

use marcot_format::call::directory::{DirAddImage, DirGetId, DirStateAssert};
use marcot_format::call::id::{GetId, SetId};
use marcot_format::call::trash::{TrashRemove, TrashStateSet};
use marcot_format::directory::DirectoryState;
use marcot_format::object_name;
use marcot_format::trash::TrashState;
use marcot_store::op::CreateMode;
use marcot_store::{Errno, WriteOp, WriteStep};

use super::TrashError;
use crate::class_call::{CallError, ask, exec, tell};
use crate::client::{Client, Location};
use crate::pool::trash;

/// Restores the image with that id, under `name` or the one it had.
pub async fn restore(
    client: &Client,
    at: &Location,
    id: &str,
    name: Option<&str>,
) -> Result<(), TrashError> {
    let Some(spec) = trash::get(client, at, id).await? else {
        return Err(TrashError::NotInTrash { id: id.to_owned() });
    };
    if !matches!(spec.state, TrashState::Normal | TrashState::Restoring) {
        return Err(TrashError::Unsettled { id: id.to_owned(), state: spec.state });
    }
    let name = name.unwrap_or(&spec.name);
    check_free(client, at, id, name).await?;
    set_state(client, at, id, TrashState::Restoring, TrashState::Normal).await?;
    let named = give_name(client, at, id, name).await;
    if matches!(named, Err(TrashError::Exists { .. })) {
        set_state(client, at, id, TrashState::Normal, TrashState::Restoring).await?;
    }
    named?;
    let call = TrashRemove { image_id: id.to_owned() };
    tell(&*client.store, &at.object(object_name::TRASH), &call).await?;
    Ok(client.store.flush().await.map_err(CallError::from)?)
}

async fn check_free(
    client: &Client,
    at: &Location,
    id: &str,
    name: &str,
) -> Result<(), TrashError> {
    let call = DirGetId { name: name.to_owned() };
    match ask(&*client.store, &at.object(object_name::DIRECTORY), &call).await {
        Ok(found) if found != id => Err(TrashError::Exists { name: name.to_owned() }),
        Err(error) if !error.is_not_found() => Err(error.into()),
        _ => Ok(()),
    }
}

pub(super) async fn set_state(
    client: &Client,
    at: &Location,
    id: &str,
    new: TrashState,
    expected: TrashState,
) -> Result<(), CallError> {
    let call = TrashStateSet { image_id: id.to_owned(), new, expected };
    tell(&*client.store, &at.object(object_name::TRASH), &call).await
}

async fn give_name(client: &Client, at: &Location, id: &str, name: &str) -> Result<(), TrashError> {
    let store = &*client.store;
    let object = at.object(object_name::id(name));
    let steps =
        vec![WriteStep::Create(CreateMode::Exclusive), exec(&SetId { image_id: id.to_owned() })];
    match store.write(&object, WriteOp::new(steps).ordered()).await {
        Ok(_) => {}
        Err(error) if error.errno == Errno::EXIST => {
            if ask(store, &object, &GetId {}).await? != id {
                return Err(TrashError::Exists { name: name.to_owned() });
            }
        }
        Err(error) => return Err(CallError::from(error).into()),
    }
    let mut steps = Vec::new();
    if !at.namespace.is_empty() {
        // A namespace that is being removed takes no images.
        steps.push(exec(&DirStateAssert { state: DirectoryState::Ready }));
    }
    steps.push(exec(&DirAddImage { name: name.to_owned(), image_id: id.to_owned() }));
    let directory = at.object(object_name::DIRECTORY);
    match store.write(&directory, WriteOp::new(steps).ordered()).await {
        // The image is there under that very name: a crash came here before.
        Err(error) if error.errno == Errno::EXIST => Ok(check_free(client, at, id, name).await?),
        Err(error) => Err(CallError::from(error).into()),
        Ok(_) => Ok(()),
    }
}
