//! Calls on `rbd_mirroring`, and on headers about mirror snapshots.

use std::collections::BTreeMap;

use crate::entity::EntityInstance;
use crate::mirror::{
    MirrorImage, MirrorImageMap, MirrorImageSiteStatus, MirrorImageStatus, MirrorMode, MirrorPeer,
    MirrorPeerDirection, MirrorStatusState,
};
use crate::wire::Trailing;

/// Mirrored images by id, and what is said of those of which something is.
pub type StatusList = (BTreeMap<String, MirrorImage>, BTreeMap<String, MirrorImageStatus>);

calls! {
    /// `ENOENT` when there is none.
    MirrorUuidGet = read "rbd" "mirror_uuid_get" {} -> String;
    /// `EINVAL` while the pool is mirrored.
    MirrorUuidSet = write "rbd" "mirror_uuid_set" { mirror_uuid: String } -> ();
    /// `ENOENT` when none was ever set.
    MirrorModeGet = read "rbd" "mirror_mode_get" {} -> MirrorMode;
    /// `EINVAL` without a uuid; `EBUSY` to disable while there are peers.
    MirrorModeSet = write "rbd" "mirror_mode_set" { mode: MirrorMode } -> ();

    MirrorPeerList = read "rbd" "mirror_peer_list" {} -> Vec<MirrorPeer>;
    /// A daemon of another site says that it is there; makes a peer of it if need be.
    MirrorPeerPing = write "rbd" "mirror_peer_ping" {
        site_name: String,
        mirror_uuid: String,
        direction: MirrorPeerDirection,
    } -> ();
    /// `ESTALE` for a known uuid, `EEXIST` for a known site.
    MirrorPeerAdd = write "rbd" "mirror_peer_add" { peer: MirrorPeer } -> ();
    MirrorPeerRemove = write "rbd" "mirror_peer_remove" { uuid: String } -> ();
    /// `ENOENT`.
    MirrorPeerSetClient = write "rbd" "mirror_peer_set_client" {
        uuid: String,
        client_name: String,
    } -> ();
    /// `ENOENT`.
    MirrorPeerSetCluster = write "rbd" "mirror_peer_set_cluster" {
        uuid: String,
        site_name: String,
    } -> ();
    /// `ENOENT`.
    MirrorPeerSetDirection = write "rbd" "mirror_peer_set_direction" {
        uuid: String,
        direction: MirrorPeerDirection,
    } -> ();

    /// Ids after `after`, to global ids.
    MirrorImageList = read "rbd" "mirror_image_list" {
        after: String,
        max: u64,
    } -> BTreeMap<String, String>;
    /// `ENOENT`.
    MirrorImageGetImageId = read "rbd" "mirror_image_get_image_id" {
        global_image_id: String,
    } -> String;
    /// `ENOENT`.
    MirrorImageGet = read "rbd" "mirror_image_get" { image_id: String } -> MirrorImage;
    /// `EEXIST` when the global id is another image's, `EINVAL` when the image has another.
    MirrorImageSet = write "rbd" "mirror_image_set" { image_id: String, image: MirrorImage } -> ();
    /// `ENOENT`; `EBUSY` unless it is being disabled.
    MirrorImageRemove = write "rbd" "mirror_image_remove" { image_id: String } -> ();

    /// Time and origin are the store's to know.
    MirrorImageStatusSet = write "rbd" "mirror_image_status_set" {
        global_image_id: String,
        status: MirrorImageSiteStatus,
    } -> ();
    MirrorImageStatusRemove = write "rbd" "mirror_image_status_remove" {
        global_image_id: String,
    } -> ();
    /// `ENOENT` when nobody said anything.
    MirrorImageStatusGet = read "rbd" "mirror_image_status_get" {
        global_image_id: String,
    } -> MirrorImageStatus;
    /// Images after `after`.
    MirrorImageStatusList = read "rbd" "mirror_image_status_list" {
        after: String,
        max: u64,
    } -> StatusList;
    /// How many images are in which state.
    MirrorImageStatusGetSummary = read "rbd" "mirror_image_status_get_summary" {
        /// The sites that have a word; this one alone without.
        peers: Trailing<Vec<MirrorPeer>>,
    } -> BTreeMap<MirrorStatusState, i32>;
    /// Forgets what was said by those who are gone.
    MirrorImageStatusRemoveDown = write "rbd" "mirror_image_status_remove_down" {} -> ();

    /// Who replays an image: `ENOENT` without a status, `ESTALE` when its author is gone.
    MirrorImageInstanceGet = read "rbd" "mirror_image_instance_get" {
        global_image_id: String,
    } -> EntityInstance;
    /// By image id, of those after `after`.
    MirrorImageInstanceList = read "rbd" "mirror_image_instance_list" {
        after: String,
        max: u64,
    } -> BTreeMap<String, EntityInstance>;
    MirrorInstancesList = read "rbd" "mirror_instances_list" {} -> Vec<String>;
    MirrorInstancesAdd = write "rbd" "mirror_instances_add" { instance_id: String } -> ();
    MirrorInstancesRemove = write "rbd" "mirror_instances_remove" { instance_id: String } -> ();

    /// By global id, of those after `after`.
    MirrorImageMapList = read "rbd" "mirror_image_map_list" {
        after: String,
        max: u64,
    } -> BTreeMap<String, MirrorImageMap>;
    MirrorImageMapUpdate = write "rbd" "mirror_image_map_update" {
        global_image_id: String,
        map: MirrorImageMap,
    } -> ();
    MirrorImageMapRemove = write "rbd" "mirror_image_map_remove" {
        global_image_id: String,
    } -> ();

    /// On a header: a peer no longer needs the snapshot. `ENOENT`, `EINVAL` for another kind.
    MirrorImageSnapshotUnlinkPeer = write "rbd" "mirror_image_snapshot_unlink_peer" {
        snap_id: u64,
        mirror_peer_uuid: String,
    } -> ();
    /// On a header: how far a copy has come. `ENOENT`, `EINVAL` for another kind.
    MirrorImageSnapshotSetCopyProgress = write "rbd" "mirror_image_snapshot_set_copy_progress" {
        snap_id: u64,
        complete: bool,
        last_copied_object_number: u64,
    } -> ();
}
