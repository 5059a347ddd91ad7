//! Making an object map anew from the objects.

use marcot_format::call::header::SetFlags;
use marcot_format::call::object_map::ObjectMapSave;
use marcot_format::features::Flags;
use marcot_format::object_map::{ObjectMap as States, ObjectState};
use marcot_format::wire::Trailing;
use marcot_store::{SnapId, WriteOp};

use super::{ObjectMapError, look, scope};
use crate::class_call::{CallError, exec, tell};
use crate::coordination::OwnerRequest;
use crate::image::Image;
use crate::object_map::assert_locked;
use crate::operation::claim::{Claim, ClaimError, check_writable};
use crate::progress::Progress;

/// Rebuilds the map of the head or a snapshot, and clears its flags.
pub async fn rebuild(
    image: &Image,
    snap: SnapId,
    progress: &dyn Progress,
) -> Result<(), ObjectMapError> {
    check_writable(image)?;
    image.refresh().await.map_err(ClaimError::from)?;
    scope(&image.header(), snap)?;
    if snap != SnapId::HEAD {
        // Nobody is asked to do this: snapshots do not change.
        let claim = Claim::take(image).await?;
        return rebuild_here(&claim, snap, progress).await;
    }
    let here = async || {
        let claim = Claim::owned(image).await?;
        rebuild_here(&claim, snap, progress).await
    };
    image.as_owner(OwnerRequest::RebuildObjectMap, progress, here).await
}

async fn rebuild_here(
    claim: &Claim<'_>,
    snap: SnapId,
    progress: &dyn Progress,
) -> Result<(), ObjectMapError> {
    let image = claim.image();
    let header = claim.header();
    let (count, _) = scope(&header, snap)?;
    let quiet = claim.quiesce().await;
    let mut map = States::new(count, ObjectState::Nonexistent);
    look(image, &header, snap, progress, |number, state| map.set(number, state)).await?;

    let store = image.store();
    let mut steps = Vec::new();
    if snap == SnapId::HEAD && image.current().object_map.is_some() {
        steps.push(exec(&assert_locked()));
    }
    steps.push(exec(&ObjectMapSave { map }));
    let op = WriteOp::new(steps).ordered();
    store.write(&header.object_map_object(snap), op).await.map_err(CallError::from)?;
    let mask = Flags::OBJECT_MAP_INVALID | Flags::FAST_DIFF_INVALID;
    let snap_id = Trailing((snap != SnapId::HEAD).then_some(snap.0));
    let clear = SetFlags { flags: Flags::NONE, mask, snap_id };
    tell(store, image.header_object(), &clear).await?;
    if let (SnapId::HEAD, Some(map)) = (snap, &image.current().object_map) {
        map.reload().await?;
    }
    drop(quiet);
    Ok(claim.announce().await?)
}
