//! Cutting the link between a clone and its parent, on the parent's side.

use futures_util::future::BoxFuture;
use marcot_format::call::children::{ChildDetach, RemoveChild};
use marcot_format::call::snapshot::SnapshotGet;
use marcot_format::children::ChildImageSpec;
use marcot_format::features::OpFeatures;
use marcot_format::object_name::{self, CHILDREN};
use marcot_format::parent::ParentImageSpec;
use marcot_format::snapshot::SnapshotNamespace;
use marcot_store::{Errno, ObjectId, PoolId, SnapId, WriteOp, WriteStep};

use crate::class_call::{CallError, ask, tell};
use crate::client::{Access, Client, Location};
use crate::header::Header;
use crate::image::{Image, OpenOptions};
use crate::operation::snapshot::remove_by_id;
use crate::operation::trash::remove_expired_parent;
use crate::pool::children::key;

/// Makes the parent forget this clone, of whichever format it is. That it knows nothing of it is
/// no error: somebody was here before.
///
/// A snapshot that was only kept in the trash for its last clone goes with it.
pub(crate) async fn forget_child(client: &Client, child: &Header) -> Result<(), CallError> {
    let Some(parent) = &child.parent else { return Ok(()) };
    if child.op_features.contains(OpFeatures::CLONE_CHILD) {
        return forget_v2(client, &child.location, &child.id, &parent.spec).await;
    }
    let call = RemoveChild { parent: key(&parent.spec), child_id: child.id.to_string() };
    absent_is_fine(tell(&*client.store, &child.location.object(CHILDREN), &call).await)
}

async fn forget_v2(
    client: &Client,
    at: &Location,
    id: &str,
    parent: &ParentImageSpec,
) -> Result<(), CallError> {
    let home = Location::new(PoolId(parent.pool_id), parent.pool_namespace.as_str());
    let header = home.object(object_name::header(&parent.image_id));
    let call = ChildDetach { snap_id: parent.snap_id, child: child_spec(at, id) };
    absent_is_fine(tell(&*client.store, &header, &call).await)?;
    match ask(&*client.store, &header, &SnapshotGet { snap_id: parent.snap_id }).await {
        Ok(info)
            if info.child_count == 0
                && matches!(info.namespace, SnapshotNamespace::Trash { .. }) =>
        {
            clear_trash(client, &home, parent).await;
            Ok(())
        }
        Ok(_) => Ok(()),
        other => absent_is_fine(other.map(drop)),
    }
}

/// The clone as its parent's header lists it.
pub(crate) fn child_spec(at: &Location, id: &str) -> ChildImageSpec {
    ChildImageSpec {
        pool_id: at.pool.0,
        pool_namespace: at.namespace.to_string(),
        image_id: id.to_owned(),
    }
}

/// Removes the parent's snapshot that nobody needs any more. When that fails it stays in the
/// trash, where it can be removed by hand: not a reason for the child's verb to fail.
fn clear_trash<'a>(
    client: &'a Client,
    home: &'a Location,
    parent: &'a ParentImageSpec,
) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        let options = OpenOptions::id(parent.image_id.clone(), Access::ReadWrite);
        let Ok(image) = Image::open(client, home, options).await else { return };
        if let Err(error) = remove_by_id(&image, SnapId(parent.snap_id)).await {
            tracing::warn!(%error, snap = parent.snap_id, "trashed snapshot stays");
        }
        if let Err(error) = image.close().await {
            tracing::warn!(%error, "parent did not close cleanly");
        }
        if let Err(error) = remove_expired_parent(client, home, &parent.image_id).await {
            tracing::warn!(%error, "parent stays in the trash");
        }
    })
}

/// Removes an object; that it is not there is no error.
pub(crate) async fn remove_object(client: &Client, object: &ObjectId) -> Result<(), CallError> {
    let removal = WriteOp::new(vec![WriteStep::Remove]).ordered();
    absent_is_fine(client.store.write(object, removal).await.map(drop).map_err(CallError::from))
}

fn absent_is_fine(result: Result<(), CallError>) -> Result<(), CallError> {
    match result {
        Err(error) if error.errno() == Errno::NOENT => Ok(()),
        other => other,
    }
}
