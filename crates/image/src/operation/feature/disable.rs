//! Switching features off.

use std::sync::Arc;

use marcot_format::features::{Features, Flags};
use marcot_store::SnapId;

use super::{FeatureError, MAPS, UNSUPPORTED, check_format, set_features, set_flags};
use crate::class_call::CallError;
use crate::coordination::OwnerRequest;
use crate::header::Header;
use crate::image::Image;
use crate::journal;
use crate::operation::claim::{Claim, ClaimError, check_writable};
use crate::operation::detach::remove_object;
use crate::pool::mirroring;
use crate::progress::NoProgress;

/// Disables features. Object maps go with theirs.
pub async fn disable(image: &Image, features: Features) -> Result<(), FeatureError> {
    check_writable(image)?;
    image.refresh().await.map_err(ClaimError::from)?;
    check_format(&image.header())?;
    plan(image.header().features, features)?;
    let request = OwnerRequest::UpdateFeatures { features, enabled: false };
    image.as_owner(request, &NoProgress, || disable_here(image, features)).await
}

async fn disable_here(image: &Image, features: Features) -> Result<(), FeatureError> {
    let claim = Claim::owned_despite(image, features & Features::JOURNALING).await?;
    let header = claim.header();
    let gone = plan(header.features, features)?;
    if gone.contains(Features::JOURNALING) {
        remove_journal(image, &header).await?;
    }
    if gone.contains(Features::OBJECT_MAP) {
        remove_maps(image, &header).await?;
    }
    set_features(image, Features::NONE, gone).await?;
    if gone.intersects(MAPS) {
        set_flags(image, &header, Flags::NONE).await?;
    }
    Ok(claim.announce().await?)
}

/// The journal goes before the feature does: what is stopped in between can be begun again.
async fn remove_journal(image: &Image, header: &Header) -> Result<(), FeatureError> {
    if mirroring::of_image(image.client(), header).await?.is_some() {
        return Err(FeatureError::Mirrored);
    }
    if !journal::is_replayed(image.store(), header).await? {
        return Err(FeatureError::JournalInUse { image: Arc::clone(&header.name) });
    }
    Ok(journal::remove(image.store(), header).await?)
}

/// The bits that will be cleared, or why not.
fn plan(has: Features, asked: Features) -> Result<Features, FeatureError> {
    if asked.is_empty() {
        return Err(FeatureError::Nothing);
    }
    if !(Features::MUTABLE | Features::DISABLE_ONLY).contains(asked) {
        return Err(FeatureError::Immutable);
    }
    if !has.contains(asked) {
        return Err(FeatureError::AlreadyDisabled);
    }
    if asked.intersects(UNSUPPORTED.without(Features::JOURNALING)) {
        return Err(FeatureError::NotSupported);
    }
    let gone = if asked.intersects(MAPS) { asked | (MAPS & has) } else { asked };
    let left = has.without(gone);
    let needs = MAPS | Features::JOURNALING;
    if asked.contains(Features::EXCLUSIVE_LOCK) && left.intersects(needs) {
        return Err(FeatureError::ExclusiveLockNeeded);
    }
    Ok(gone)
}

async fn remove_maps(image: &Image, header: &Header) -> Result<(), CallError> {
    let snapshots = header.snapshots.iter().map(|snapshot| snapshot.id);
    for snap in [SnapId::HEAD].into_iter().chain(snapshots) {
        remove_object(image.client(), &header.object_map_object(snap)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_ceph_s() {
        let lock = Features::EXCLUSIVE_LOCK;
        let map = Features::OBJECT_MAP;
        let all = Features::DEFAULT;
        for (has, asked, expected) in [
            (all, Features::NONE, Err(FeatureError::Nothing)),
            (all, lock, Err(FeatureError::ExclusiveLockNeeded)),
            (all, Features::FAST_DIFF, Ok(MAPS)),
            (all, map, Ok(MAPS)),
            (all, lock | map, Ok(lock | MAPS)),
            (all, Features::LAYERING, Err(FeatureError::Immutable)),
            (all, Features::DEEP_FLATTEN, Ok(Features::DEEP_FLATTEN)),
            (lock, Features::DEEP_FLATTEN, Err(FeatureError::AlreadyDisabled)),
            (lock, lock, Ok(lock)),
        ] {
            assert_eq!(plan(has, asked), expected, "{has:?} {asked:?}");
        }
    }
}
