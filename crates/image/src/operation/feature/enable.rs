//! Switching features on.

use std::sync::Arc;

use marcot_format::call::object_map::ObjectMapResize;
use marcot_format::features::Features;
use marcot_format::object_map::{MAX_OBJECT_COUNT, ObjectState};
use marcot_store::SnapId;

use super::{FeatureError, MAP_FLAGS, MAPS, UNSUPPORTED, check_format, set_features, set_flags};
use crate::class_call::{CallError, tell};
use crate::coordination::OwnerRequest;
use crate::header::Header;
use crate::image::Image;
use crate::operation::claim::{Claim, ClaimError, check_writable};
use crate::progress::NoProgress;

/// Enables features. New object maps are flagged invalid until they are rebuilt.
pub async fn enable(image: &Image, features: Features) -> Result<(), FeatureError> {
    check_writable(image)?;
    image.refresh().await.map_err(ClaimError::from)?;
    check_format(&image.header())?;
    plan(image.header().features, features)?;
    let request = OwnerRequest::UpdateFeatures { features, enabled: true };
    image.as_owner(request, &NoProgress, || enable_here(image, features)).await
}

async fn enable_here(image: &Image, features: Features) -> Result<(), FeatureError> {
    let claim = Claim::owned(image).await?;
    let header = claim.header();
    let added = plan(header.features, features)?;
    if added.intersects(MAPS) && header.object_count(header.size) > MAX_OBJECT_COUNT {
        let image = Arc::clone(&header.name);
        return Err(FeatureError::TooLargeForObjectMap { image });
    }
    if added.contains(Features::OBJECT_MAP) {
        set_flags(image, &header, MAP_FLAGS).await?;
    }
    set_features(image, added, added).await?;
    if added.contains(Features::OBJECT_MAP) {
        create_maps(image, &header).await?;
    }
    Ok(claim.announce().await?)
}

/// The bits that will be set, or why not.
fn plan(has: Features, asked: Features) -> Result<Features, FeatureError> {
    if asked.is_empty() {
        return Err(FeatureError::Nothing);
    }
    // What mirroring and caches set for themselves is not the user's to switch on.
    let own = Features::MUTABLE.without(Features::NON_PRIMARY | Features::DIRTY_CACHE);
    if !own.contains(asked) {
        return Err(FeatureError::Immutable);
    }
    if has.intersects(asked) {
        return Err(FeatureError::AlreadyEnabled);
    }
    let locked = (has | asked).contains(Features::EXCLUSIVE_LOCK);
    let mut added = asked;
    if asked.intersects(MAPS) {
        if !locked {
            return Err(FeatureError::NeedsExclusiveLock { feature: "object-map" });
        }
        added = added | MAPS.without(has);
    }
    if asked.contains(Features::JOURNALING) && !locked {
        return Err(FeatureError::NeedsExclusiveLock { feature: "journaling" });
    }
    if asked.intersects(UNSUPPORTED) {
        return Err(FeatureError::NotSupported);
    }
    Ok(added)
}

async fn create_maps(image: &Image, header: &Header) -> Result<(), CallError> {
    let snapshots = header.snapshots.iter().map(|snapshot| (snapshot.id, snapshot.size));
    for (snap, size) in [(SnapId::HEAD, header.size)].into_iter().chain(snapshots) {
        let object_count = header.object_count(size);
        let call = ObjectMapResize { object_count, state: ObjectState::Nonexistent };
        tell(image.store(), &header.object_map_object(snap), &call).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_ceph_s() {
        let layering = Features::LAYERING;
        let lock = Features::EXCLUSIVE_LOCK;
        let map = Features::OBJECT_MAP;
        let fast = Features::FAST_DIFF;
        for (has, asked, expected) in [
            (layering, Features::NONE, Err(FeatureError::Nothing)),
            (layering, fast, Err(FeatureError::NeedsExclusiveLock { feature: "object-map" })),
            (layering, lock, Ok(lock)),
            (layering | lock, lock, Err(FeatureError::AlreadyEnabled)),
            (layering | lock, map, Ok(map | fast)),
            (layering | lock, fast, Ok(map | fast)),
            (layering, lock | map | fast, Ok(lock | map | fast)),
            (Features::NONE, layering, Err(FeatureError::Immutable)),
            (layering, Features::DEEP_FLATTEN, Err(FeatureError::Immutable)),
            (layering, Features::OPERATIONS, Err(FeatureError::Immutable)),
            (lock, Features::NON_PRIMARY, Err(FeatureError::Immutable)),
            (lock, Features::JOURNALING, Err(FeatureError::NotSupported)),
        ] {
            assert_eq!(plan(has, asked), expected, "{has:?} {asked:?}");
        }
    }
}
