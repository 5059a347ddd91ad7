//! `rbd group image …`

use clap::Command;
use marcot_store::Errno;

use super::wanted;
use crate::args::options;
use crate::args::spec::{ImageRule, ImageSpec, Side, SnapRule, Strictness, Wanted};
use crate::exit::Failure;

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod remove;

/// A group and an image, each in a place of its own. `--pool` is taken and, as in Ceph, means
/// nothing.
fn group_and_image(command: Command) -> Command {
    command
        .args([
            options::text("group-pool", "pool of the group"),
            options::text("group-namespace", "namespace of the group"),
            options::text("group", "group name"),
            options::text("image-pool", "pool of the image"),
            options::text("image-namespace", "namespace of the image"),
            options::text("image", "image name"),
            options::pool(),
        ])
        .args([
            options::word("group-spec", "group: [pool/[namespace/]]group"),
            options::word("image-spec", "image: [pool/[namespace/]]image"),
        ])
}

const GROUP: Wanted = wanted(Side::GroupOfImage, SnapRule::Refused);
const IMAGE: Wanted = Wanted {
    side: Side::ImageOfGroup,
    snap: SnapRule::Refused,
    image: ImageRule::Required,
    strictness: Strictness::Lenient,
};

fn check_namespace(group: &ImageSpec, image: &ImageSpec) -> Result<(), Failure> {
    match group.at.namespace == image.at.namespace {
        true => Ok(()),
        false => Err(Failure::line("group and image namespace must match.", Errno::INVAL)),
    }
}
