//! Mirroring: the omap of `rbd_mirroring`, and `rbd_mirror_snapshot.<image id>.<snap id>.<n>`.
//! docs/formats/mirror.md.

mod image;
mod image_map;
mod image_state;
mod mode;
mod notify;
mod peer;
mod policy;
mod site_status;
mod status;

pub use image::{MirrorImage, MirrorImageMode, MirrorImageState};
pub use image_map::MirrorImageMap;
pub use image_state::{ImageState, ImageStateObject, SnapState};
pub use mode::{MirrorMode, MirrorUuid};
pub use notify::MirrorNotification;
pub use peer::{MirrorPeer, MirrorPeerDirection};
pub use policy::{PolicyData, PolicyMeta};
pub use site_status::{MirrorImageSiteStatus, MirrorImageSiteStatusOnDisk, MirrorStatusState};
pub use status::MirrorImageStatus;

/// Where the pool's own uuid is kept, as [`MirrorUuid`].
pub const UUID: &str = "mirror_uuid";
/// Where the pool's [`MirrorMode`] is kept.
pub const MODE: &str = "mirror_mode";
/// In front of a peer's uuid; the value is a [`MirrorPeer`].
pub const PEER_PREFIX: &str = "mirror_peer_";
/// In front of an image's id; the value is a [`MirrorImage`].
pub const IMAGE_PREFIX: &str = "image_";
/// In front of an image's global id; the value is its id here, as a string.
pub const GLOBAL_PREFIX: &str = "global_";
/// In front of a global id; the value is a [`MirrorImageSiteStatusOnDisk`] of this site.
pub const STATUS_PREFIX: &str = "status_global_";
/// In front of a global id, `_` and a site's uuid; the value as for [`STATUS_PREFIX`].
pub const REMOTE_STATUS_PREFIX: &str = "remote_status_global_";
/// In front of a daemon's instance id; there is no value.
pub const INSTANCE_PREFIX: &str = "instance_";
/// In front of a global id; the value is a [`MirrorImageMap`].
pub const IMAGE_MAP_PREFIX: &str = "image_map_";

/// Where another site's word on an image is kept.
pub fn remote_status_key(global_id: &str, mirror_uuid: &str) -> String {
    format!("{REMOTE_STATUS_PREFIX}{global_id}_{mirror_uuid}")
}
