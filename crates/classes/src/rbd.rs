//! The class `rbd`: one file a topic, one [`Method`](crate::method::Method) a call.

mod children;
mod data_object;
mod directory;
mod flags;
mod format_1;
mod group;
mod group_directory;
mod group_member;
mod header;
mod id;
mod metadata;
mod migration;
mod mirror;
mod namespace;
mod object_map;
mod op_features;
mod parent;
mod parent_legacy;
mod snapshot;
mod snapshot_limit;
mod snapshot_list;
mod snapshot_status;
mod trash;

#[cfg(test)]
mod tests;

use marcot_format::features::Features;
use marcot_format::header::FEATURES;
use marcot_store::Errno;
use marcot_store::class::ObjectContext;

use crate::method::Entry;
use crate::omap;

/// All methods of the class.
pub(crate) fn methods() -> impl Iterator<Item = Entry> {
    let topics: [&'static [Entry]; 20] = [
        &children::METHODS,
        &data_object::METHODS,
        &directory::METHODS,
        &flags::METHODS,
        &format_1::METHODS,
        &group::METHODS,
        &group_directory::METHODS,
        &group_member::METHODS,
        &header::METHODS,
        &id::METHODS,
        &metadata::METHODS,
        &migration::METHODS,
        &namespace::METHODS,
        &object_map::METHODS,
        &parent::METHODS,
        &parent_legacy::METHODS,
        &snapshot::METHODS,
        &snapshot_limit::METHODS,
        &snapshot_status::METHODS,
        &trash::METHODS,
    ];
    topics.into_iter().flatten().copied().chain(mirror::methods())
}

/// `ENOEXEC` unless the image has the feature. `ENOENT` when the object is no header.
fn require_feature(object: &mut dyn ObjectContext, feature: Features) -> Result<(), Errno> {
    let features: Features = omap::value(object, FEATURES)?;
    if features.contains(feature) { Ok(()) } else { Err(Errno::NOEXEC) }
}

/// Whether a text can be an image's id: letters and digits, at least one.
fn is_image_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The store's clock, as records keep it.
fn now(object: &dyn ObjectContext) -> marcot_format::Utime {
    let now = object.now();
    marcot_format::Utime { seconds: now.seconds, nanoseconds: now.nanoseconds }
}
