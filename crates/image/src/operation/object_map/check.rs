//! Comparing an object map with the objects.

use marcot_format::call::header::SetFlags;
use marcot_format::features::{Features, Flags};
use marcot_format::object_map::ObjectState;
use marcot_format::wire::Trailing;
use marcot_store::SnapId;

use super::{ObjectMapError, look, scope};
use crate::class_call::{CallError, tell};
use crate::image::Image;
use crate::object_map::load_states;
use crate::operation::claim::Claim;
use crate::progress::Progress;

/// What a check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The map misses nothing that exists.
    Sound,
    /// It is flagged invalid now, if it was not before.
    Invalid,
}

/// Compares the map of the head or a snapshot with the objects.
///
/// A map that says less than there is, is flagged invalid. One that says more is only slow. A
/// journal does not mind either: flags are not in it.
pub async fn check(
    image: &Image,
    snap: SnapId,
    progress: &dyn Progress,
) -> Result<Verdict, ObjectMapError> {
    scope(&image.header(), snap)?;
    let claim = Claim::take_despite(image, Features::JOURNALING).await?;
    let header = claim.header();
    let states = match load_states(image.store(), &header.object_map_object(snap)).await {
        Ok(states) => states,
        Err(error) if error.is_not_found() => return invalid(&claim, snap).await,
        Err(CallError::Damaged { .. }) => return invalid(&claim, snap).await,
        Err(error) => return Err(error.into()),
    };
    let mut verdict = Verdict::Sound;
    look(image, &header, snap, progress, |number, seen| {
        if !covers(states.get(number), seen) {
            verdict = Verdict::Invalid;
        }
    })
    .await?;
    match verdict {
        Verdict::Sound => Ok(Verdict::Sound),
        Verdict::Invalid => invalid(&claim, snap).await,
    }
}

/// Whether what the map says allows for what there is.
fn covers(said: Option<ObjectState>, seen: ObjectState) -> bool {
    match (said, seen) {
        (_, ObjectState::Nonexistent) => true,
        (Some(ObjectState::Exists | ObjectState::Pending), _) => true,
        (Some(ObjectState::ExistsClean), seen) => seen == ObjectState::ExistsClean,
        (Some(ObjectState::Nonexistent) | None, _) => false,
    }
}

async fn invalid(claim: &Claim<'_>, snap: SnapId) -> Result<Verdict, ObjectMapError> {
    let image = claim.image();
    let flags = Flags::OBJECT_MAP_INVALID | Flags::FAST_DIFF_INVALID;
    let snap_id = Trailing((snap != SnapId::HEAD).then_some(snap.0));
    tell(image.store(), image.header_object(), &SetFlags { flags, mask: flags, snap_id }).await?;
    claim.announce().await?;
    Ok(Verdict::Invalid)
}
