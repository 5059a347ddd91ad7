//! What the owner of an image's exclusive lock runs for its other clients.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use marcot_format::snapshot::SnapshotNamespace;
use marcot_store::{Errno, SnapId};

use super::flatten::flatten_beside_requests;
use super::rename::rename_here;
use super::snapshot::{self, CreateSnapshotOptions};
use super::{ResizeOptions, feature, image_meta, object_map, resize, sparsify};
use crate::coordination::{OwnerRequest, OwnerVerbs};
use crate::image::Image;
use crate::progress::Progress;

/// The verbs of this crate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Verbs;

impl OwnerVerbs for Verbs {
    fn run<'a>(
        &'a self,
        image: &'a Arc<Image>,
        request: OwnerRequest,
        progress: &'a dyn Progress,
    ) -> BoxFuture<'a, Result<(), Errno>> {
        Box::pin(async move {
            match request {
                OwnerRequest::Flatten => {
                    let flattened = flatten_beside_requests(image, progress).await;
                    flattened.map_err(|error| error.errno())
                }
                OwnerRequest::Resize { size, allow_shrink } => {
                    let options = ResizeOptions { allow_shrink };
                    let resized = resize(image, size, &options, progress).await;
                    resized.map_err(|error| error.errno())
                }
                OwnerRequest::Rename { name } => {
                    let from = image.name();
                    let renamed = rename_here(image.client(), image.location(), &from, &name).await;
                    renamed.map_err(|error| error.errno())
                }
                OwnerRequest::UpdateFeatures { features, enabled } => {
                    let updated = match enabled {
                        true => feature::enable(image, features).await,
                        false => feature::disable(image, features).await,
                    };
                    updated.map_err(|error| error.errno())
                }
                OwnerRequest::RebuildObjectMap => {
                    let rebuilt = object_map::rebuild(image, SnapId::HEAD, progress).await;
                    rebuilt.map_err(|error| error.errno())
                }
                OwnerRequest::Sparsify { sparse_size } => {
                    let sparsified = sparsify(image, sparse_size, progress).await;
                    sparsified.map_err(|error| error.errno())
                }
                OwnerRequest::MetadataUpdate { key, value } => {
                    let updated = match value {
                        Some(value) => image_meta::set(image, &key, &value).await,
                        None => image_meta::remove(image, &key).await,
                    };
                    updated.map_err(|error| error.errno())
                }
                on_snapshot => run_on_snapshot(image, on_snapshot).await,
            }
        })
    }
}

async fn run_on_snapshot(image: &Image, request: OwnerRequest) -> Result<(), Errno> {
    match request {
        OwnerRequest::SnapCreate { name, namespace, quiesce } => {
            let options = CreateSnapshotOptions { namespace, quiesce };
            let created = snapshot::create_with(image, &name, &options).await;
            created.map(drop).map_err(|error| error.errno())
        }
        OwnerRequest::SnapRemove { name, namespace: SnapshotNamespace::User } => {
            snapshot::remove(image, &name).await.map_err(|error| error.errno())
        }
        OwnerRequest::SnapRemove { name, .. } => {
            image.refresh().await.map_err(|error| error.errno())?;
            let header = image.header();
            let found = header.snapshots.iter().find(|snapshot| snapshot.name == name);
            let id = found.ok_or(Errno::NOENT)?.id;
            snapshot::remove_by_id(image, id).await.map_err(|error| error.errno())
        }
        OwnerRequest::SnapRename { snap, name } => {
            image.refresh().await.map_err(|error| error.errno())?;
            let header = image.header();
            let from = &header.snapshot(snap).ok_or(Errno::NOENT)?.name;
            snapshot::rename(image, from, &name).await.map_err(|error| error.errno())
        }
        OwnerRequest::SnapProtect { name, namespace: SnapshotNamespace::User } => {
            snapshot::protect(image, &name).await.map_err(|error| error.errno())
        }
        OwnerRequest::SnapUnprotect { name, namespace: SnapshotNamespace::User } => {
            snapshot::unprotect(image, &name).await.map_err(|error| error.errno())
        }
        _ => Err(Errno::OPNOTSUPP),
    }
}
