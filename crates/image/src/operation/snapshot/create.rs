//! Taking a snapshot: a new id from the data pool, an entry in the header, a copy of the object
//! map.

use std::sync::Arc;

use marcot_format::snapshot::SnapshotNamespace;
use marcot_store::{Errno, SnapId, StoreError};

use crate::class_call::CallError;
use crate::coordination::{DelegateError, OwnerRequest, Quiesce, QuiesceError};
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
    #[error(transparent)]
    Quiesce(#[from] QuiesceError),
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
            CreateSnapshotError::Quiesce(error) => error.errno(),
        }
    }
}

impl From<StoreError> for CreateSnapshotError {
    fn from(error: StoreError) -> CreateSnapshotError {
        CreateSnapshotError::Call(error.into())
    }
}

/// How to take a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateSnapshotOptions {
    /// Whom it is for.
    pub namespace: SnapshotNamespace,
    /// What the image's users are asked first.
    pub quiesce: Quiesce,
}

/// Takes a user's snapshot of what the image holds now and answers its id.
pub async fn create(image: &Image, name: &str) -> Result<SnapId, CreateSnapshotError> {
    create_with(image, name, &CreateSnapshotOptions::default()).await
}

/// Takes a snapshot of what the image holds now and answers its id.
pub async fn create_with(
    image: &Image,
    name: &str,
    options: &CreateSnapshotOptions,
) -> Result<SnapId, CreateSnapshotError> {
    if name.is_empty() {
        return Err(CreateSnapshotError::NoName);
    }
    check_writable(image)?;
    let CreateSnapshotOptions { namespace, quiesce } = options;
    let request = OwnerRequest::SnapCreate {
        name: name.to_owned(),
        namespace: namespace.clone(),
        quiesce: *quiesce,
    };
    image.as_owner(request, &NoProgress, || create_here(image, name, options)).await?;
    image.refresh().await.map_err(ClaimError::from)?;
    let header = image.header();
    let created = header.snapshot_named(name, namespace);
    created.map(|snapshot| snapshot.id).ok_or_else(|| CreateSnapshotError::Gone {
        image: Arc::clone(&header.name),
        name: name.to_owned(),
    })
}

async fn create_here(
    image: &Image,
    name: &str,
    options: &CreateSnapshotOptions,
) -> Result<(), CreateSnapshotError> {
    let claim = Claim::owned(image).await?;
    if claim.header().snapshot_named(name, &options.namespace).is_some() {
        return Err(exists(image, name));
    }
    let users = image.pause_users(options.quiesce).await?;
    let taken = take(&claim, name, &options.namespace).await;
    users.resume().await;
    taken?;
    Ok(claim.announce().await?)
}

/// The snapshot itself, for verbs that hold the claim already and announce it.
pub(crate) async fn take(
    claim: &Claim<'_>,
    name: &str,
    namespace: &SnapshotNamespace,
) -> Result<SnapId, CreateSnapshotError> {
    let quiet = claim.quiesce().await;
    let snap = add(claim, name, namespace).await?;
    if let Some(map) = claim.object_map() {
        map.add_snapshot(&claim.header(), snap).await?;
    }
    // Writes that follow must know of the snapshot.
    claim.reread().await?;
    drop(quiet);
    Ok(snap)
}

async fn add(
    claim: &Claim<'_>,
    name: &str,
    namespace: &SnapshotNamespace,
) -> Result<SnapId, CreateSnapshotError> {
    let image = claim.image();
    let header = claim.header();
    let (store, pool) = (image.store(), header.data_pool);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let snap = store.create_snap_id(pool).await?;
        let step = header.add_snapshot(snap, name, namespace);
        let Err(error) = image.change_header(step).await else {
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
