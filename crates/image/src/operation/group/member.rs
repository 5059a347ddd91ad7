//! Images come into a group, and go.
//!
//! Into: the group says "incomplete", the image names its group, the group says "attached". Out of
//! it: "incomplete", the image forgets, the group forgets.

use marcot_format::call::group::{
    GroupImageRemove, GroupImageSet, ImageGroupAdd, ImageGroupRemove,
};
use marcot_format::group::{GroupImageSpec, GroupImageState, GroupImageStatus};
use marcot_format::object_name;
use marcot_store::{Errno, ObjectId, PoolId};

use super::{GroupError, find};
use crate::class_call::{CallError, tell};
use crate::client::{Client, ImageKey, Location};
use crate::coordination::announce_header_update;
use crate::pool::directory;
use crate::pool::group::{self, Group};

/// A member as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub pool: PoolId,
    pub name: String,
    pub state: GroupImageState,
}

/// Adds the image `name` to a group of the same namespace, of this or another pool.
pub async fn add_image(
    client: &Client,
    (at, group): (&Location, &str),
    (image_at, name): (&Location, &str),
) -> Result<(), GroupError> {
    check_namespace(at, image_at)?;
    let group = find(client, at, group).await?;
    let spec = identify(client, image_at, &ImageKey::Name(name.to_owned())).await?;
    let store = &*client.store;
    set_state(client, &group, &spec, GroupImageState::Incomplete).await?;
    let header = header_of(&group, &spec);
    if let Err(error) = tell(store, &header, &ImageGroupAdd { group: group.spec() }).await {
        // The first error is what the caller needs to hear.
        let _ = tell(store, &group.header(), &GroupImageRemove { image: spec }).await;
        return Err(match error.errno() {
            Errno::EXIST => GroupError::InOtherGroup { name: name.to_owned() },
            _ => error.into(),
        });
    }
    announce_header_update(client, &header).await?;
    set_state(client, &group, &spec, GroupImageState::Attached).await?;
    Ok(store.flush().await.map_err(CallError::from)?)
}

/// Takes an image, by name or by id, out of a group. The group's snapshots stay.
pub async fn remove_image(
    client: &Client,
    (at, group): (&Location, &str),
    (image_at, image): (&Location, &ImageKey),
) -> Result<(), GroupError> {
    check_namespace(at, image_at)?;
    let group = find(client, at, group).await?;
    let spec = identify(client, image_at, image).await?;
    detach(client, &group, &spec).await?;
    Ok(client.store.flush().await.map_err(CallError::from)?)
}

/// The members of a group with their names. As in Ceph, one that has no name, because it is in
/// the trash, hides those behind it.
pub async fn images(client: &Client, at: &Location, name: &str) -> Result<Vec<Member>, GroupError> {
    let group = find(client, at, name).await?;
    let mut members = Vec::new();
    for GroupImageStatus { spec, state } in group::members(client, &group).await? {
        let pool = PoolId(spec.pool_id);
        let at = Location { pool, ..at.clone() };
        match directory::name_of(client, &at, &spec.image_id).await {
            Ok(name) => members.push(Member { pool, name, state }),
            Err(error) if error.is_not_found() => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(members)
}

/// The steps of an image's way out; each may have been done before.
pub(super) async fn detach(
    client: &Client,
    group: &Group,
    spec: &GroupImageSpec,
) -> Result<(), GroupError> {
    let store = &*client.store;
    set_state(client, group, spec, GroupImageState::Incomplete).await?;
    let header = header_of(group, spec);
    match tell(store, &header, &ImageGroupRemove { group: group.spec() }).await {
        Ok(()) => announce_header_update(client, &header).await?,
        Err(error) if error.is_not_found() => {}
        Err(error) if error.errno() == Errno::BADF => {
            return Err(GroupError::NotAMember { name: spec.image_id.clone() });
        }
        Err(error) => return Err(error.into()),
    }
    Ok(tell(store, &group.header(), &GroupImageRemove { image: spec.clone() }).await?)
}

async fn set_state(
    client: &Client,
    group: &Group,
    spec: &GroupImageSpec,
    state: GroupImageState,
) -> Result<(), CallError> {
    let status = GroupImageStatus { spec: spec.clone(), state };
    tell(&*client.store, &group.header(), &GroupImageSet { status }).await
}

async fn identify(
    client: &Client,
    at: &Location,
    image: &ImageKey,
) -> Result<GroupImageSpec, GroupError> {
    let image_id = match image {
        ImageKey::Id(id) => id.clone(),
        ImageKey::Name(name) => match directory::id_of(client, at, name).await {
            Err(error) if error.is_not_found() => {
                return Err(GroupError::NoImage { name: name.clone() });
            }
            other => other?,
        },
    };
    Ok(GroupImageSpec { image_id, pool_id: at.pool.0 })
}

fn header_of(group: &Group, spec: &GroupImageSpec) -> ObjectId {
    let at = Location { pool: PoolId(spec.pool_id), ..group.at.clone() };
    at.object(object_name::header(&spec.image_id))
}

fn check_namespace(group: &Location, image: &Location) -> Result<(), GroupError> {
    match group.namespace == image.namespace {
        true => Ok(()),
        false => Err(GroupError::OtherNamespace),
    }
}
