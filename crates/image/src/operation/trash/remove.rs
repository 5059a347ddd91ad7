//! Removing an image that is in the trash.

use futures_util::future::BoxFuture;
use marcot_format::Utime;
use marcot_format::trash::{TrashSource, TrashState};

use super::TrashError;
use super::restore::set_state;
use crate::class_call::CallError;
use crate::client::{Client, Location};
use crate::operation::remove::{RemoveError, remove_trashed};
use crate::pool::trash;
use crate::progress::{NoProgress, Progress};

/// Whether the time counts that an image must stay in the trash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferment {
    Respected,
    Overridden,
}

/// Removes the image with that id with all its data.
pub async fn remove_from_trash(
    client: &Client,
    at: &Location,
    id: &str,
    deferment: Deferment,
    progress: &dyn Progress,
) -> Result<(), TrashError> {
    let Some(spec) = trash::get(client, at, id).await? else {
        return Err(TrashError::NotInTrash { id: id.to_owned() });
    };
    let now = client.env.now();
    let now = Utime { seconds: now.seconds, nanoseconds: now.nanoseconds };
    if deferment == Deferment::Respected && now < spec.deferment_end_time {
        let until = spec.deferment_end_time;
        return Err(TrashError::Deferred { id: id.to_owned(), until });
    }
    if !matches!(spec.state, TrashState::Normal | TrashState::Removing) {
        return Err(TrashError::Unsettled { id: id.to_owned(), state: spec.state });
    }
    set_state(client, at, id, TrashState::Removing, TrashState::Normal).await?;
    let removed = remove_trashed(client, at, &spec.name, id, progress).await;
    if removed.is_err() {
        // It was refused, or can be tried again; what went wrong is the error to report.
        let _ = set_state(client, at, id, TrashState::Normal, TrashState::Removing).await;
    }
    removed.map_err(TrashError::from)
}

impl From<RemoveError> for TrashError {
    fn from(error: RemoveError) -> TrashError {
        TrashError::Remove(Box::new(error))
    }
}

/// After its last clone went: removes an image that was put into the trash for its clones' sake.
pub(crate) fn remove_expired_parent<'a>(
    client: &'a Client,
    at: &'a Location,
    id: &'a str,
) -> BoxFuture<'a, Result<(), CallError>> {
    Box::pin(async move {
        match trash::get(client, at, id).await? {
            Some(spec) if spec.source == TrashSource::UserParent => {}
            _ => return Ok(()),
        }
        let removed = remove_from_trash(client, at, id, Deferment::Respected, &NoProgress).await;
        if let Err(error) = removed {
            // Other clones, or somebody who reads it: it can be purged later.
            tracing::debug!(%error, id, "parent stays in the trash");
        }
        Ok(())
    })
}
