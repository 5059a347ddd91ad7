//! Making the head what it was at a snapshot: size, object map, then object by object.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use marcot_format::call::object_map::ObjectMapSave;
use marcot_format::object_map::{ObjectMap as States, ObjectState};
use marcot_store::{Errno, SnapId, WriteOp, WriteStep};

use crate::class_call::{CallError, exec};
use crate::header::Header;
use crate::image::Image;
use crate::operation::claim::{Claim, ClaimError};
use crate::operation::object_map::load_states;
use crate::operation::resize::{ResizeError, set_size};
use crate::progress::{NoProgress, Progress};

/// Why the head is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollbackError {
    #[error("image {image} has no snapshot {name}")]
    NotFound { image: Arc<str>, name: String },
    #[error(transparent)]
    Resize(#[from] ResizeError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl RollbackError {
    pub fn errno(&self) -> Errno {
        match self {
            RollbackError::NotFound { .. } => Errno::NOENT,
            RollbackError::Resize(error) => error.errno(),
            RollbackError::Claim(error) => error.errno(),
            RollbackError::Call(error) => error.errno(),
        }
    }
}

/// Gives the head the size and the bytes of the user's snapshot `name`.
pub async fn rollback(
    image: &Image,
    name: &str,
    progress: &dyn Progress,
) -> Result<(), RollbackError> {
    let claim = Claim::take(image).await?;
    let header = claim.header();
    let Some(snapshot) = header.snapshot_by_name(name) else {
        let image = Arc::clone(&header.name);
        return Err(RollbackError::NotFound { image, name: name.to_owned() });
    };
    let (snap, size) = (snapshot.id, snapshot.size);
    set_size(&claim, size, &NoProgress).await?;
    let header = claim.header();
    let quiet = claim.quiesce().await;
    let differing = differing(&claim, &header, snap).await?;
    if claim.object_map().is_some() {
        replace_map(&claim, &header, snap).await?;
    }
    roll_back_objects(&claim, &header, snap, &differing, progress).await?;
    drop(quiet);
    claim.renew_map().await?;
    Ok(claim.announce().await?)
}

/// The objects to roll back: all but those that neither moment has.
async fn differing(
    claim: &Claim<'_>,
    header: &Header,
    snap: SnapId,
) -> Result<Vec<u64>, CallError> {
    let count = header.object_count(header.size);
    let head = claim.object_map().map(|map| map.snapshot_states());
    let there = load(claim, header, snap).await?;
    let absent = |states: &Option<States>, number| {
        let state = states.as_ref().and_then(|states| states.get(number));
        state == Some(ObjectState::Nonexistent)
    };
    Ok((0..count).filter(|number| !absent(&head, *number) || !absent(&there, *number)).collect())
}

async fn load(
    claim: &Claim<'_>,
    header: &Header,
    snap: SnapId,
) -> Result<Option<States>, CallError> {
    let usable = header.view(snap).is_some_and(|view| {
        !view.flags.contains(marcot_format::features::Flags::OBJECT_MAP_INVALID)
    });
    if !usable || claim.object_map().is_none() {
        return Ok(None);
    }
    match load_states(claim.image().store(), &header.object_map_object(snap)).await {
        Ok(states) => Ok(Some(states)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The head's map becomes the snapshot's before the first object changes: it may then say more
/// than there is, never less, for what the head alone has is being removed.
async fn replace_map(claim: &Claim<'_>, header: &Header, snap: SnapId) -> Result<(), CallError> {
    let Some(map) = load(claim, header, snap).await? else { return Ok(()) };
    let mut steps: Vec<WriteStep> = claim.assert_map_locked().into_iter().collect();
    steps.push(exec(&ObjectMapSave { map }));
    let object = header.object_map_object(SnapId::HEAD);
    claim.image().store().write(&object, WriteOp::new(steps).ordered()).await?;
    Ok(())
}

async fn roll_back_objects(
    claim: &Claim<'_>,
    header: &Header,
    snap: SnapId,
    objects: &[u64],
    progress: &dyn Progress,
) -> Result<(), CallError> {
    let store = claim.image().store();
    let at_once = claim.image().client().config.concurrent_management_ops.max(1);
    let rollbacks = stream::iter(objects.iter().map(|number| {
        let object = header.data_object(*number);
        let op = WriteOp::new(vec![WriteStep::Rollback { snap }]).ordered();
        let op = op.with_snap_context(header.snap_context.clone());
        async move {
            match store.write(&object, op).await {
                Err(error) if error.errno != Errno::NOENT => Err(CallError::from(error)),
                _ => Ok(()),
            }
        }
    }));
    let mut rollbacks = rollbacks.buffer_unordered(at_once);
    let mut done = 0;
    while rollbacks.try_next().await?.is_some() {
        done += 1;
        progress.update(done, objects.len() as u64);
    }
    Ok(())
}
