//! Taking a snapshot: a new id from the data pool, an entry in the header, a copy of the object
//! map.

use std::sync::Arc;

use marcot_format::call::snapshot::SnapshotAdd;
use marcot_format::snapshot::SnapshotNamespace;
use marcot_format::wire::Trailing;
use marcot_store::{Errno, SnapId, StoreError};

use crate::class_call::{CallError, tell};
use crate::image::Image;
use crate::operation::claim::{Claim, ClaimError};

/// How often to ask for a newer id when another client was faster.
const ATTEMPTS: usize = 10;

/// Why a snapshot was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateSnapshotError {
    #[error("a snapshot needs a name")]
    NoName,
    #[error("image {image} has a snapshot {name} already")]
    Exists { image: Arc<str>, name: String },
    #[error("image {image} may have no more snapshots: its limit is reached")]
    Limit { image: Arc<str> },
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl CreateSnapshotError {
    pub fn errno(&self) -> Errno {
        match self {
            CreateSnapshotError::NoName => Errno::INVAL,
            CreateSnapshotError::Exists { .. } => Errno::EXIST,
            CreateSnapshotError::Limit { .. } => Errno::DQUOT,
            CreateSnapshotError::Claim(error) => error.errno(),
            CreateSnapshotError::Call(error) => error.errno(),
        }
    }
}

impl From<StoreError> for CreateSnapshotError {
    fn from(error: StoreError) -> CreateSnapshotError {
        CreateSnapshotError::Call(error.into())
    }
}

/// Takes a snapshot of what the image holds now and answers its id.
pub async fn create(image: &Image, name: &str) -> Result<SnapId, CreateSnapshotError> {
    if name.is_empty() {
        return Err(CreateSnapshotError::NoName);
    }
    let claim = Claim::take(image).await?;
    if claim.header().snapshot_by_name(name).is_some() {
        return Err(exists(image, name));
    }
    let quiet = claim.quiesce().await;
    let snap = add(&claim, name).await?;
    if let Some(map) = claim.object_map() {
        map.add_snapshot(&claim.header(), snap).await?;
    }
    // Writes that follow must know of the snapshot.
    claim.reread().await?;
    drop(quiet);
    claim.announce().await?;
    Ok(snap)
}

async fn add(claim: &Claim<'_>, name: &str) -> Result<SnapId, CreateSnapshotError> {
    let image = claim.image();
    let pool = claim.header().data_pool;
    let store = image.store();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let snap = store.create_snap_id(pool).await?;
        let call = SnapshotAdd {
            name: name.to_owned(),
            snap_id: snap.0,
            namespace: Trailing(Some(SnapshotNamespace::User)),
        };
        let Err(error) = tell(store, image.header_object(), &call).await else {
            return Ok(snap);
        };
        // Nobody knows of the id yet. The error that brought us here is the one to report.
        let _ = store.remove_snap_id(pool, snap).await;
        match error.errno() {
            Errno::STALE if attempt < ATTEMPTS => {}
            Errno::EXIST => return Err(exists(image, name)),
            Errno::DQUOT => {
                let image = Arc::clone(&claim.header().name);
                return Err(CreateSnapshotError::Limit { image });
            }
            _ => return Err(error.into()),
        }
    }
}

fn exists(image: &Image, name: &str) -> CreateSnapshotError {
    CreateSnapshotError::Exists { image: image.header().name.clone(), name: name.to_owned() }
}
