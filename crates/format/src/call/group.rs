//! Calls about consistency groups: on an image's header, on `rbd_group_directory`, and on a
//! group's header.

use std::collections::BTreeMap;

use crate::group::{GroupImageSpec, GroupImageStatus, GroupSnapshot, GroupSpec};

calls! {
    /// `EEXIST` when the image is in another group.
    ImageGroupAdd = write "rbd" "image_group_add" { group: GroupSpec } -> ();
    /// `EBADF` when the image is in another group.
    ImageGroupRemove = write "rbd" "image_group_remove" { group: GroupSpec } -> ();
    /// [`GroupSpec::none`] when it is in none.
    ImageGroupGet = read "rbd" "image_group_get" {} -> GroupSpec;

    /// `EEXIST` for a taken name, `EBADF` for a taken id.
    GroupDirAdd = write "rbd" "group_dir_add" { name: String, group_id: String } -> ();
    /// `ESTALE` when name and id do not belong together.
    GroupDirRemove = write "rbd" "group_dir_remove" { name: String, group_id: String } -> ();
    /// `ESTALE` when source and id do not belong together.
    GroupDirRename = write "rbd" "group_dir_rename" {
        source: String,
        target: String,
        group_id: String,
    } -> ();
    /// Name to id, of names after `after`.
    GroupDirList = read "rbd" "group_dir_list" { after: String, max: u64 } -> BTreeMap<String, String>;

    /// Adds an image or changes its state.
    GroupImageSet = write "rbd" "group_image_set" { status: GroupImageStatus } -> ();
    GroupImageRemove = write "rbd" "group_image_remove" { image: GroupImageSpec } -> ();
    /// Images after `after`.
    GroupImageList = read "rbd" "group_image_list" {
        after: GroupImageSpec,
        max: u64,
    } -> Vec<GroupImageStatus>;

    /// `EEXIST` when another snapshot has the name, or an incomplete one is there already.
    GroupSnapSet = write "rbd" "group_snap_set" { snapshot: GroupSnapshot } -> ();
    GroupSnapRemove = write "rbd" "group_snap_remove" { id: String } -> ();
    /// `ENOENT`.
    GroupSnapGetById = read "rbd" "group_snap_get_by_id" { id: String } -> GroupSnapshot;
    /// Snapshots after the id of `after`, by id.
    GroupSnapList = read "rbd" "group_snap_list" {
        after: GroupSnapshot,
        max: u64,
    } -> Vec<GroupSnapshot>;
}
