//! From what the user said to an image's id, header and snapshot.

use std::sync::Arc;

use futures_util::future::join;
use marcot_format::call::directory::DirGetName;
use marcot_format::call::id::GetId;
use marcot_format::call::trash::TrashGet;
use marcot_format::object_name;
use marcot_store::watch::Watch;
use marcot_store::{Errno, SnapId};

use super::{Current, OpenOptions};
use crate::class_call::{CallError, ask};
use crate::client::{Access, Client, ImageKey, Location, SnapKey};
use crate::config::overrides::image_config;
use crate::header::{Header, HeaderError, Identity, load};
use crate::pool::format_1;

/// Why an image could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("there is no image {0}")]
    NoImage(String),
    #[error("image {image} has no snapshot {snap}")]
    NoSnapshot { image: Arc<str>, snap: String },
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl OpenError {
    pub fn errno(&self) -> Errno {
        match self {
            OpenError::NoImage(_) | OpenError::NoSnapshot { .. } => Errno::NOENT,
            OpenError::Header(error) => error.errno(),
            OpenError::Call(error) => error.errno(),
        }
    }
}

/// Reads the image.
pub(super) async fn read(
    client: &Client,
    identity: &Identity,
    options: &OpenOptions,
) -> Result<Current, OpenError> {
    let header_object = identity.header_object();
    let (header, config) = join(
        load(&*client.store, identity, None),
        image_config(client, identity.location.pool, &header_object),
    )
    .await;
    let header = match header {
        Ok(header) => header,
        Err(HeaderError::Call(error)) if error.is_not_found() => {
            return Err(OpenError::NoImage(identity.name.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    let snap = select(&header, &options.snap)?;
    let view = header.view(snap).ok_or_else(|| no_snapshot(&header, snap.0.to_string()))?;
    Ok(Current::opened(header, view, config?))
}

/// The same, and watches the header if the image is to be written.
///
/// Both are sent at once: they keep their order, so whatever changes after the header was read is
/// told.
pub(super) async fn read_and_watch(
    client: &Client,
    identity: &Identity,
    options: &OpenOptions,
) -> Result<(Current, Option<Watch>), OpenError> {
    let writable = options.access == Access::ReadWrite
        && matches!(options.snap, SnapKey::Head | SnapKey::Id(SnapId::HEAD));
    if !writable {
        return Ok((read(client, identity, options).await?, None));
    }
    let header_object = identity.header_object();
    let watching = client.store.watch(&header_object);
    let (watch, current) = join(watching, read(client, identity, options)).await;
    match (watch, current) {
        (Ok(watch), Ok(current)) => Ok((current, Some(watch))),
        (Ok(watch), Err(error)) => {
            // The error that made us turn back is the one to report.
            let _ = client.store.unwatch(&header_object, watch.handle).await;
            Err(error)
        }
        (Err(_), Err(error)) => Err(error),
        (Err(error), Ok(_)) => Err(CallError::from(error).into()),
    }
}

fn select(header: &Header, key: &SnapKey) -> Result<SnapId, OpenError> {
    match key {
        SnapKey::Head => Ok(SnapId::HEAD),
        SnapKey::Id(id) => Ok(*id),
        SnapKey::Name(name) => match header.snapshot_by_name(name) {
            Some(snapshot) => Ok(snapshot.id),
            None => Err(no_snapshot(header, name.clone())),
        },
    }
}

fn no_snapshot(header: &Header, snap: String) -> OpenError {
    OpenError::NoSnapshot { image: Arc::clone(&header.name), snap }
}

/// Which image is meant. By its name: as Ceph does, format 2 is looked for first.
pub(crate) async fn identify(
    client: &Client,
    at: &Location,
    key: &ImageKey,
) -> Result<Identity, OpenError> {
    match key {
        ImageKey::Name(name) => {
            let object = at.object(object_name::id(name));
            match ask(&*client.store, &object, &GetId {}).await {
                Ok(id) => Ok(Identity::format_2(at, &id, name)),
                Err(error) if error.is_not_found() => {
                    match format_1::exists(client, at, name).await? {
                        true => Ok(Identity::format_1(at, name)),
                        false => Err(OpenError::NoImage(name.clone())),
                    }
                }
                Err(error) => Err(error.into()),
            }
        }
        ImageKey::Id(id) => Ok(Identity::format_2(at, id, &name_of(client, at, id).await?)),
    }
}

/// The name of an image by its id: from the directory, else from the trash, else the id itself.
async fn name_of(client: &Client, at: &Location, id: &str) -> Result<String, CallError> {
    let store = &*client.store;
    let directory = at.object(object_name::DIRECTORY);
    match ask(store, &directory, &DirGetName { image_id: id.to_owned() }).await {
        Err(error) if error.is_not_found() => {}
        other => return other,
    }
    let trash = at.object(object_name::TRASH);
    match ask(store, &trash, &TrashGet { image_id: id.to_owned() }).await {
        Ok(spec) => Ok(spec.name),
        Err(error) if error.is_not_found() => Ok(id.to_owned()),
        Err(error) => Err(error),
    }
}
