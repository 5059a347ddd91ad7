//! Removing a snapshot; one that has clones of format 2 only leaves sight.
//!
//! Order: into the trash, the link to the parent if nothing needs it any more, the object map, the
//! id, the entry in the header. What a crash leaves is a snapshot in the trash that can be removed
//! again by its id.

use std::sync::Arc;

use marcot_format::call::snapshot::{SnapshotGet, SnapshotTrashAdd};
use marcot_format::features::Features;
use marcot_format::snapshot::{ProtectionStatus, SnapshotNamespace};
use marcot_store::{Errno, SnapId, StoreError};

use crate::class_call::{CallError, ask, tell};
use crate::coordination::{DelegateError, OwnerRequest};
use crate::header::{Header, ImageFormat, Snapshot};
use crate::image::Image;
use crate::operation::claim::{Claim, ClaimError, check_writable};
use crate::operation::detach;
use crate::progress::NoProgress;

/// Why a snapshot is still there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoveSnapshotError {
    #[error("image {image} has no snapshot {name}")]
    NotFound { image: Arc<str>, name: String },
    #[error("snapshot {name} is protected; unprotect it first")]
    Protected { name: String },
    #[error("snapshot {name} is still used by clones")]
    InUse { name: String },
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
}

impl RemoveSnapshotError {
    pub fn errno(&self) -> Errno {
        match self {
            RemoveSnapshotError::NotFound { .. } => Errno::NOENT,
            RemoveSnapshotError::Protected { .. } | RemoveSnapshotError::InUse { .. } => {
                Errno::BUSY
            }
            RemoveSnapshotError::Claim(error) => error.errno(),
            RemoveSnapshotError::Call(error) => error.errno(),
            RemoveSnapshotError::Delegate(error) => error.errno(),
        }
    }
}

impl From<StoreError> for RemoveSnapshotError {
    fn from(error: StoreError) -> RemoveSnapshotError {
        RemoveSnapshotError::Call(error.into())
    }
}

/// Removes the user's snapshot `name`.
pub async fn remove(image: &Image, name: &str) -> Result<(), RemoveSnapshotError> {
    remove_unsynced(image, name).await?;
    Ok(image.store().flush().await?)
}

/// The same, but for the flush: by who removes several.
pub(super) async fn remove_unsynced(image: &Image, name: &str) -> Result<(), RemoveSnapshotError> {
    image.refresh().await.map_err(ClaimError::from)?;
    let header = image.header();
    match header.snapshot_by_name(name) {
        Some(snapshot) => remove_as_owner(image, snapshot).await,
        None => Err(not_found(&header, name.to_owned())),
    }
}

/// Removes a snapshot of any kind.
pub async fn remove_by_id(image: &Image, id: SnapId) -> Result<(), RemoveSnapshotError> {
    remove_by_id_unsynced(image, id).await?;
    Ok(image.store().flush().await?)
}

/// The same, but for the flush: by who removes several.
pub(crate) async fn remove_by_id_unsynced(
    image: &Image,
    id: SnapId,
) -> Result<(), RemoveSnapshotError> {
    image.refresh().await.map_err(ClaimError::from)?;
    let header = image.header();
    match header.snapshot(id) {
        Some(snapshot) => remove_as_owner(image, snapshot).await,
        None => Err(not_found(&header, id.0.to_string())),
    }
}

fn not_found(header: &Header, name: String) -> RemoveSnapshotError {
    RemoveSnapshotError::NotFound { image: Arc::clone(&header.name), name }
}

async fn remove_as_owner(image: &Image, snapshot: &Snapshot) -> Result<(), RemoveSnapshotError> {
    check_writable(image)?;
    if snapshot.protection != ProtectionStatus::Unprotected {
        return Err(RemoveSnapshotError::Protected { name: snapshot.name.clone() });
    }
    let request = OwnerRequest::SnapRemove {
        name: snapshot.name.clone(),
        namespace: snapshot.namespace.clone(),
    };
    image.as_owner(request, &NoProgress, || remove_here(image, snapshot)).await
}

async fn remove_here(image: &Image, snapshot: &Snapshot) -> Result<(), RemoveSnapshotError> {
    let claim = Claim::owned(image).await?;
    if move_out_of_sight(image, snapshot).await? == Clones::Some {
        if matches!(snapshot.namespace, SnapshotNamespace::Trash { .. }) {
            return Err(RemoveSnapshotError::InUse { name: snapshot.name.clone() });
        }
        return Ok(claim.tell().await?);
    }
    let header = claim.header();
    if is_last_link(&header, snapshot.id) {
        detach::forget_child(image.client(), &header).await?;
    }
    match claim.object_map() {
        Some(map) => map.remove_snapshot(&header, snapshot.id).await?,
        None => remove_map(image, &header, snapshot.id).await?,
    }
    match image.store().remove_snap_id(header.data_pool, snapshot.id).await {
        // A crash came between this step and the next one, the last time.
        Err(error) if error.errno == Errno::NOENT => {}
        other => other?,
    }
    image.change_header(header.remove_snapshot(snapshot)).await?;
    Ok(claim.tell().await?)
}

/// Whether clones of format 2 still read a snapshot.
#[derive(PartialEq, Eq)]
enum Clones {
    None,
    Some,
}

async fn move_out_of_sight(image: &Image, snapshot: &Snapshot) -> Result<Clones, CallError> {
    if image.header().format == ImageFormat::V1 {
        return Ok(Clones::None);
    }
    let (store, object) = (image.store(), image.header_object());
    if matches!(snapshot.namespace, SnapshotNamespace::User) {
        match tell(store, object, &SnapshotTrashAdd { snap_id: snapshot.id.0 }).await {
            // Clusters before release 13 know no trash for snapshots.
            Err(error) if error.errno() == Errno::OPNOTSUPP => {}
            other => other?,
        }
    }
    let info = ask(store, object, &SnapshotGet { snap_id: snapshot.id.0 }).await?;
    Ok(if info.child_count > 0 { Clones::Some } else { Clones::None })
}

/// Whether this snapshot alone still needs the image's parent.
fn is_last_link(header: &Header, removed: SnapId) -> bool {
    let Some(parent) = &header.parent else { return false };
    let mut needing = header.snapshots.iter().filter(|one| one.parent_overlap.is_some());
    parent.overlap.is_none()
        && needing.next().is_some_and(|only| only.id == removed)
        && needing.next().is_none()
}

/// Without a usable map of the head there is nothing to merge into.
async fn remove_map(image: &Image, header: &Header, snap: SnapId) -> Result<(), CallError> {
    if !header.features.contains(Features::OBJECT_MAP) {
        return Ok(());
    }
    detach::remove_object(image.client(), &header.object_map_object(snap)).await
}
