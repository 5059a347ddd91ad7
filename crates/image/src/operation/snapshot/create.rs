//! Taking a snapshot: a new id from the data pool, an entry in the header, a copy of the object
//! map.

use std::sync::Arc;

use marcot_format::snapshot::SnapshotNamespace;
use marcot_store::{Errno, SnapId, StoreError};

use crate::class_call::CallError;
use crate::coordination::{DelegateError, OwnerRequest};
use crate::image::Image;
use crate::operation::claim::{Claim, ClaimError, check_writable};
use crate::progress::NoProgress;

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
    /// Somebody else removed it at once.
    #[error("snapshot {name} of image {image} was removed again")]
    Gone { image: Arc<str>, name: String },
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
}

impl CreateSnapshotError {
    pub fn errno(&self) -> Errno {
        match self {
            CreateSnapshotError::NoName => Errno::INVAL,
            CreateSnapshotError::Exists { .. } => Errno::EXIST,
            CreateSnapshotError::Limit { .. } => Errno::DQUOT,
            CreateSnapshotError::Gone { .. } => Errno::NOENT,
            CreateSnapshotError::Claim(error) => error.errno(),
            CreateSnapshotError::Call(error) => error.errno(),
            CreateSnapshotError::Delegate(error) => error.errno(),
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
    check_writable(image)?;
    let request =
        OwnerRequest::SnapCreate { name: name.to_owned(), namespace: SnapshotNamespace::User };
    image.as_owner(request, &NoProgress, || create_here(image, name)).await?;
    image.refresh().await.map_err(ClaimError::from)?;
    let header = image.header();
    let created = header.snapshot_by_name(name);
    created.map(|snapshot| snapshot.id).ok_or_else(|| CreateSnapshotError::Gone {
        image: Arc::clone(&header.name),
        name: name.to_owned(),
    })
}

async fn create_here(image: &Image, name: &str) -> Result<(), CreateSnapshotError> {
    let claim = Claim::owned(image).await?;
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
    Ok(claim.announce().await?)
}

async fn add(claim: &Claim<'_>, name: &str) -> Result<SnapId, CreateSnapshotError> {
    let image = claim.image();
    let header = claim.header();
    let (store, pool) = (image.store(), header.data_pool);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let snap = store.create_snap_id(pool).await?;
        let Err(error) = image.change_header(header.add_snapshot(snap, name)).await else {
            return Ok(snap);
        };
        // Nobody knows of the id yet. The error that brought us here is the one to report.
        let _ = store.remove_snap_id(pool, snap).await;
        match error.errno {
            Errno::STALE if attempt < ATTEMPTS => {}
            Errno::EXIST => return Err(exists(image, name)),
            Errno::DQUOT => {
                return Err(CreateSnapshotError::Limit { image: Arc::clone(&header.name) });
            }
            _ => return Err(error.into()),
        }
    }
}

fn exists(image: &Image, name: &str) -> CreateSnapshotError {
    CreateSnapshotError::Exists { image: image.header().name.clone(), name: name.to_owned() }
}
