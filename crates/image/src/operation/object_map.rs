//! Verbs on stored object maps: are they true, and making them true again.

mod check;
mod rebuild;

use futures_util::stream::{self, StreamExt};
use marcot_format::features::Features;
use marcot_format::object_map::ObjectState;
use marcot_store::{Errno, SnapId, SnapSet, Store};

use super::object_history::change;
use crate::class_call::CallError;
use crate::coordination::DelegateError;
use crate::header::Header;
use crate::image::Image;
use crate::operation::claim::ClaimError;
use crate::progress::Progress;

pub use check::{Verdict, check};
pub use rebuild::rebuild;

/// Why an object map was not checked or rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectMapError {
    #[error("image must support object-map feature")]
    NoObjectMap,
    #[error("there is no such snapshot")]
    NoSnapshot,
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
}

impl ObjectMapError {
    pub fn errno(&self) -> Errno {
        match self {
            ObjectMapError::NoObjectMap => Errno::INVAL,
            ObjectMapError::NoSnapshot => Errno::NOENT,
            ObjectMapError::Claim(error) => error.errno(),
            ObjectMapError::Call(error) => error.errno(),
            ObjectMapError::Delegate(error) => error.errno(),
        }
    }
}

/// How many objects the map of `snap` covers, and which snapshot came before it.
fn scope(header: &Header, snap: SnapId) -> Result<(u64, Option<SnapId>), ObjectMapError> {
    if !header.features.contains(Features::OBJECT_MAP) {
        return Err(ObjectMapError::NoObjectMap);
    }
    let view = header.view(snap).ok_or(ObjectMapError::NoSnapshot)?;
    // Newest first.
    let before = header.snapshots.iter().map(|snapshot| snapshot.id).find(|id| *id < snap);
    Ok((header.object_count(view.size), before))
}

/// What the objects themselves say, in no particular order.
async fn look(
    image: &Image,
    header: &Header,
    snap: SnapId,
    progress: &dyn Progress,
    mut see: impl FnMut(u64, ObjectState),
) -> Result<(), ObjectMapError> {
    let (count, before) = scope(header, snap)?;
    let at_once = image.config().concurrent_management_ops.max(1);
    let fast = header.features.contains(Features::FAST_DIFF);
    let looks = (0..count)
        .map(|number| async move { (number, history(image.store(), header, number).await) });
    let mut looks = stream::iter(looks).buffer_unordered(at_once);
    let mut done = 0;
    while let Some((number, history)) = looks.next().await {
        see(number, state(&history?, before, snap, fast));
        done += 1;
        progress.update(done, count);
    }
    Ok(())
}

/// An object's clones; none for an object that never was.
pub(crate) async fn history(
    store: &dyn Store,
    header: &Header,
    number: u64,
) -> Result<SnapSet, CallError> {
    match store.list_snaps(&header.data_object(number)).await {
        Err(error) if error.errno == Errno::NOENT => Ok(SnapSet::default()),
        other => Ok(other?),
    }
}

fn state(history: &SnapSet, before: Option<SnapId>, snap: SnapId, fast: bool) -> ObjectState {
    let change = change(history, before, snap);
    if !change.exists {
        ObjectState::Nonexistent
    } else if fast && before.is_some() && change.untouched {
        ObjectState::ExistsClean
    } else {
        ObjectState::Exists
    }
}
