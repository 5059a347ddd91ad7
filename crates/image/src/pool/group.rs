//! Groups of images: `rbd_group_directory`, and what a group's header keeps.

use marcot_format::call::directory::{DirGetId, DirGetName};
use marcot_format::call::group::{
    GroupDirList, GroupImageList, GroupSnapGetById, GroupSnapList, ImageGroupGet,
};
use marcot_format::features::OpFeatures;
use marcot_format::group::{
    GroupImageSpec, GroupImageStatus, GroupSnapshot, GroupSnapshotState, GroupSpec,
};
use marcot_format::object_name::{self, GROUP_DIRECTORY};
use marcot_store::{ObjectId, PoolId};

use crate::class_call::{CallError, ask};
use crate::client::{Client, Location};
use crate::image::Image;

/// How many entries to ask for at once.
const PAGE: u64 = 1024;

/// A group of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub at: Location,
    pub id: String,
}

impl Group {
    /// The group that an image or a snapshot refers to. It is in the image's own namespace.
    pub fn referred(spec: &GroupSpec, namespace: &str) -> Group {
        Group { at: Location::new(PoolId(spec.pool_id), namespace), id: spec.group_id.clone() }
    }

    /// How others refer to it.
    pub fn spec(&self) -> GroupSpec {
        GroupSpec { pool_id: self.at.pool.0, group_id: self.id.clone() }
    }

    pub(crate) fn header(&self) -> ObjectId {
        self.at.object(object_name::group_header(&self.id))
    }
}

/// The names of all groups of a namespace. A pool that never held one has none.
pub async fn list(client: &Client, at: &Location) -> Result<Vec<String>, CallError> {
    let object = at.object(GROUP_DIRECTORY);
    let mut names: Vec<String> = Vec::new();
    loop {
        let after = names.last().cloned().unwrap_or_default();
        let page = match ask(&*client.store, &object, &GroupDirList { after, max: PAGE }).await {
            Err(error) if error.is_not_found() => return Ok(names),
            other => other?,
        };
        if page.is_empty() {
            return Ok(names);
        }
        names.extend(page.into_keys());
    }
}

/// The group `name`; `None` when there is none.
pub async fn find(client: &Client, at: &Location, name: &str) -> Result<Option<Group>, CallError> {
    let call = DirGetId { name: name.to_owned() };
    match ask(&*client.store, &at.object(GROUP_DIRECTORY), &call).await {
        Ok(id) => Ok(Some(Group { at: at.clone(), id })),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A group's name; `ENOENT`.
pub async fn name_of(client: &Client, group: &Group) -> Result<String, CallError> {
    let call = DirGetName { image_id: group.id.clone() };
    ask(&*client.store, &group.at.object(GROUP_DIRECTORY), &call).await
}

/// The group that an image belongs to.
pub async fn of_image(image: &Image) -> Result<Option<Group>, CallError> {
    if !image.header().op_features.contains(OpFeatures::GROUP) {
        return Ok(None);
    }
    match ask(image.store(), image.header_object(), &ImageGroupGet {}).await {
        Ok(spec) if spec.exists() => Ok(Some(Group::referred(&spec, &image.location().namespace))),
        Ok(_) => Ok(None),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The members of a group, by pool and id, those on their way in or out too.
pub async fn members(client: &Client, group: &Group) -> Result<Vec<GroupImageStatus>, CallError> {
    let mut members: Vec<GroupImageStatus> = Vec::new();
    loop {
        let first = GroupImageSpec { image_id: String::new(), pool_id: 0 };
        let after = members.last().map_or(first, |last| last.spec.clone());
        let call = GroupImageList { after, max: PAGE };
        let page = match ask(&*client.store, &group.header(), &call).await {
            Err(error) if error.is_not_found() => return Ok(members),
            other => other?,
        };
        if page.is_empty() {
            return Ok(members);
        }
        members.extend(page);
    }
}

/// The snapshots of a group, by id.
pub async fn snapshots(client: &Client, group: &Group) -> Result<Vec<GroupSnapshot>, CallError> {
    let mut snapshots: Vec<GroupSnapshot> = Vec::new();
    loop {
        let after = GroupSnapshot {
            id: snapshots.last().map(|last| last.id.clone()).unwrap_or_default(),
            name: String::new(),
            state: GroupSnapshotState::Incomplete,
            snapshots: Vec::new(),
        };
        let call = GroupSnapList { after, max: PAGE };
        let page = match ask(&*client.store, &group.header(), &call).await {
            Err(error) if error.is_not_found() => return Ok(snapshots),
            other => other?,
        };
        if page.is_empty() {
            return Ok(snapshots);
        }
        snapshots.extend(page);
    }
}

/// One snapshot of a group; `ENOENT`.
pub async fn snapshot(
    client: &Client,
    group: &Group,
    id: &str,
) -> Result<GroupSnapshot, CallError> {
    let call = GroupSnapGetById { id: id.to_owned() };
    ask(&*client.store, &group.header(), &call).await
}
