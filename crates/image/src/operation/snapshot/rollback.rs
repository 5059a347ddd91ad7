//! Making the head what it was at a snapshot: size, object map, then object by object.

use std::sync::Arc;

use marcot_format::call::object_map::ObjectMapSave;
use marcot_format::features::Flags;
use marcot_format::object_map::{ObjectMap as States, ObjectState};
use marcot_store::{Errno, SnapId, WriteOp, WriteStep};

use crate::class_call::{CallError, exec};
use crate::header::{Header, SnapView};
use crate::image::Image;
use crate::object_map::{assert_locked, load_states};
use crate::operation::claim::{Claim, ClaimError};
use crate::operation::resize::{ResizeError, set_size};
use crate::progress::{NoProgress, Progress};
use crate::visit::Visit;

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

/// Gives the head the size and the bytes of the user's snapshot `name`. As in Ceph, not while
/// another client has the lock: it would see its disk change under its feet.
pub async fn rollback(
    image: &Image,
    name: &str,
    progress: &dyn Progress,
) -> Result<(), RollbackError> {
    let claim = Claim::take_unused(image).await?;
    let header = claim.header();
    let Some(snapshot) = header.snapshot_by_name(name) else {
        let image = Arc::clone(&header.name);
        return Err(RollbackError::NotFound { image, name: name.to_owned() });
    };
    rollback_claimed(&claim, snapshot.id, progress).await
}

/// The same for verbs that hold the claim already and know the snapshot, of whatever kind.
pub(crate) async fn rollback_claimed(
    claim: &Claim<'_>,
    snap: SnapId,
    progress: &dyn Progress,
) -> Result<(), RollbackError> {
    let header = claim.header();
    let Some(snapshot) = header.snapshot(snap) else {
        let (image, name) = (Arc::clone(&header.name), snap.0.to_string());
        return Err(RollbackError::NotFound { image, name });
    };
    set_size(claim, snapshot.size, &NoProgress).await?;
    let header = claim.header();
    let quiet = claim.quiesce().await;
    let maps = Maps::load(claim, &header, snap).await?;
    if let Some(maps) = &maps {
        maps.store(claim, maps.during()).await?;
    }
    let count = header.object_count(header.size);
    let touched = |number: &u64| maps.as_ref().is_none_or(|maps| maps.may_differ(*number));
    let objects: Vec<u64> = (0..count).filter(touched).collect();
    roll_back_objects(claim, &header, snap, &objects, progress).await?;
    if let Some(maps) = &maps {
        maps.store(claim, maps.after()).await?;
    }
    drop(quiet);
    Ok(claim.announce().await?)
}

/// What the head's and the snapshot's object maps say.
struct Maps {
    /// Whether both can be relied on. One that is flagged invalid is taken over all the same.
    trusted: bool,
    head: States,
    snapshot: States,
}

impl Maps {
    async fn load(
        claim: &Claim<'_>,
        header: &Header,
        snap: SnapId,
    ) -> Result<Option<Maps>, CallError> {
        let invalid = |view: SnapView| view.flags.contains(Flags::OBJECT_MAP_INVALID);
        let Some(map) = claim.object_map() else { return Ok(None) };
        let trusted = claim.trusted_object_map().is_some()
            && header.view(snap).is_some_and(|view| !invalid(view));
        match load_states(claim.image().store(), &header.object_map_object(snap)).await {
            Ok(snapshot) => Ok(Some(Maps { trusted, head: map.snapshot_states(), snapshot })),
            Err(CallError::Damaged { .. }) => Ok(None),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn may_differ(&self, number: u64) -> bool {
        let absent = |states: &States| states.get(number) == Some(ObjectState::Nonexistent);
        !(self.trusted && absent(&self.head) && absent(&self.snapshot))
    }

    /// The head's map while objects are rolled back: what either moment has may be there.
    fn during(&self) -> States {
        let mut map = self.snapshot.clone();
        for (number, state) in (0u64..).zip(self.head.iter()).take(map.len() as usize) {
            if state != ObjectState::Nonexistent {
                map.set(number, ObjectState::Exists);
            }
        }
        map
    }

    /// The head's map in the end: what the snapshot's says is there. All of it has been written to
    /// since the newest snapshot, namely by the rollback.
    fn after(&self) -> States {
        let mut map = self.snapshot.clone();
        for number in 0..map.len() {
            if map.get(number) == Some(ObjectState::ExistsClean) {
                map.set(number, ObjectState::Exists);
            }
        }
        map
    }

    async fn store(&self, claim: &Claim<'_>, map: States) -> Result<(), CallError> {
        let header = claim.header();
        let steps = vec![exec(&assert_locked()), exec(&ObjectMapSave { map })];
        let object = header.object_map_object(SnapId::HEAD);
        claim.image().store().write(&object, WriteOp::new(steps).ordered()).await?;
        match &claim.image().current().object_map {
            Some(map) => map.reload().await,
            None => Ok(()),
        }
    }
}

async fn roll_back_objects(
    claim: &Claim<'_>,
    header: &Header,
    snap: SnapId,
    objects: &[u64],
    progress: &dyn Progress,
) -> Result<(), CallError> {
    let store = claim.image().store();
    let at_once = claim.image().config().concurrent_management_ops.max(1);
    let work = |number: &u64| {
        let object = header.data_object(*number);
        let op = WriteOp::new(vec![WriteStep::Rollback { snap }]).ordered();
        let op = op.with_snap_context(header.snap_context.clone());
        async move {
            match store.write(&object, op).await {
                Err(error) if error.errno != Errno::NOENT => Err(CallError::from(error)),
                _ => Ok(()),
            }
        }
    };
    let count = objects.len() as u64;
    Visit { at_once, count, progress }.each(objects.iter(), work).await
}
