//! Removing an image: into the trash, then its data, its links, its objects.
//!
//! The name is free and the image out of sight before the first byte goes. What a crash leaves is
//! an image in the trash, marked as being removed.

mod format_1;

use std::sync::Arc;
use std::time::Duration;

use marcot_format::call::group::ImageGroupGet;
use marcot_format::call::id::GetId;
use marcot_format::call::trash::TrashRemove;
use marcot_format::features::Features;
use marcot_format::object_name;
use marcot_format::snapshot::SnapshotNamespace;
use marcot_format::trash::{TrashSource, TrashState};
use marcot_store::watch::Watcher;
use marcot_store::{Errno, ObjectId};

use super::detach::{forget_child, remove_object};
use super::erase::erase;
use super::trash::{self, TrashError, forget_name, move_to_trash};
use crate::class_call::{CallError, ask, tell};
use crate::client::{Access, Client, Location};
use crate::config::overrides;
use crate::header::{Header, Snapshot};
use crate::image::{CloseError, Image, OpenError, OpenOptions};
use crate::journal;
use crate::operation::claim::{Claim, ClaimError};
use crate::pool::{self, directory};
use crate::progress::Progress;

/// `EMLINK`, as Ceph has it for members of groups.
const TOO_MANY_LINKS: i32 = 31;

/// Why an image is still there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoveError {
    #[error("there is no image {name}")]
    NotFound { name: String },
    #[error("image {name} has snapshots; remove them first")]
    HasSnapshots { name: String },
    /// They were removed, and stay for their clones.
    #[error("image {name} has clones of removed snapshots; flatten or remove these first")]
    HasClones { name: String },
    #[error("image {name} is in use: somebody watches it")]
    InUse { name: String, watchers: Vec<Watcher> },
    #[error("image {name} belongs to a group; remove it from the group first")]
    InGroup { name: String },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Close(Box<CloseError>),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Trash(Box<TrashError>),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<CloseError> for RemoveError {
    fn from(error: CloseError) -> RemoveError {
        RemoveError::Close(Box::new(error))
    }
}

impl From<TrashError> for RemoveError {
    fn from(error: TrashError) -> RemoveError {
        RemoveError::Trash(Box::new(error))
    }
}

impl RemoveError {
    pub fn errno(&self) -> Errno {
        match self {
            RemoveError::NotFound { .. } => Errno::NOENT,
            RemoveError::HasSnapshots { .. } | RemoveError::HasClones { .. } => Errno::NOTEMPTY,
            RemoveError::Trash(error) => error.errno(),
            RemoveError::InUse { .. } => Errno::BUSY,
            RemoveError::InGroup { .. } => Errno::from_raw(TOO_MANY_LINKS),
            RemoveError::Open(error) => error.errno(),
            RemoveError::Close(error) => error.errno(),
            RemoveError::Claim(error) => error.errno(),
            RemoveError::Call(error) => error.errno(),
        }
    }
}

/// Removes the image `name` with all its data.
///
/// With `rbd_move_to_trash_on_remove` it only goes to the trash; so it does with
/// `rbd_move_parent_to_trash_on_remove` when clones are left of snapshots that were removed.
pub async fn remove(
    client: &Client,
    at: &Location,
    name: &str,
    progress: &dyn Progress,
) -> Result<(), RemoveError> {
    let Some(id) = find(client, at, name).await? else {
        return format_1::remove(client, at, name, progress).await;
    };
    if is_elsewhere(client, at, name, &id).await? {
        remove_object(client, &at.object(object_name::id(name))).await?;
        return Ok(client.store.flush().await.map_err(CallError::from)?);
    }
    let config = overrides::pool_config(client, at.pool).await?;
    if config.move_to_trash_on_remove {
        let delay = Duration::from_secs(config.move_to_trash_on_remove_expire_seconds);
        return Ok(move_to_trash(client, at, name, TrashSource::User, delay).await?);
    }
    let doomed = Doomed { client, at, name, id: &id, now_in: Place::Directory };
    match doomed.go(progress).await {
        Err(RemoveError::HasClones { .. }) if config.move_parent_to_trash_on_remove => {
            let source = TrashSource::UserParent;
            Ok(move_to_trash(client, at, name, source, Duration::ZERO).await?)
        }
        other => other,
    }
}

/// The id of the image of format 2 with that name. A name that only its own object knows is what a
/// crash left.
async fn find(client: &Client, at: &Location, name: &str) -> Result<Option<String>, CallError> {
    match directory::id_of(client, at, name).await {
        Err(error) if error.is_not_found() => {}
        other => return other.map(Some),
    }
    match ask(&*client.store, &at.object(object_name::id(name)), &GetId {}).await {
        Err(error) if error.is_not_found() => Ok(None),
        other => other.map(Some),
    }
}

/// Whether the image goes by another name, or is in the trash: this one was left by a crash.
async fn is_elsewhere(
    client: &Client,
    at: &Location,
    name: &str,
    id: &str,
) -> Result<bool, CallError> {
    match directory::name_of(client, at, id).await {
        Err(error) if error.is_not_found() => Ok(pool::trash::get(client, at, id).await?.is_some()),
        other => Ok(other? != name),
    }
}

/// Removes an image that is in the trash as `name`, marked as being removed.
pub(crate) async fn remove_trashed(
    client: &Client,
    at: &Location,
    name: &str,
    id: &str,
    progress: &dyn Progress,
) -> Result<(), RemoveError> {
    Doomed { client, at, name, id, now_in: Place::Trash }.go(progress).await
}

/// Where an image is found that is about to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Directory,
    Trash,
}

struct Doomed<'a> {
    client: &'a Client,
    at: &'a Location,
    name: &'a str,
    id: &'a str,
    now_in: Place,
}

impl Doomed<'_> {
    async fn go(&self, progress: &dyn Progress) -> Result<(), RemoveError> {
        self.check_use().await?;
        let writable = OpenOptions::id(self.id, Access::ReadWrite);
        match Image::open(self.client, self.at, writable).await {
            Ok(image) => self.remove(&image, progress).await?,
            // A crash, while it was created or when little of it was left, or an older release.
            Err(OpenError::NoImage(_)) => self.forget_rest().await?,
            Err(error) => return Err(error.into()),
        }
        self.client.store.flush().await.map_err(CallError::from)?;
        progress.update(1, 1);
        Ok(())
    }

    async fn remove(&self, image: &Arc<Image>, progress: &dyn Progress) -> Result<(), RemoveError> {
        let emptied = self.empty(image, progress).await;
        let closed = image.close().await;
        emptied?;
        closed?;
        let header = image.header();
        // As long as there is a header, what else is left can be found again.
        self.remove_map().await?;
        remove_object(self.client, &header.object()).await?;
        Ok(self.forget_entry().await?)
    }

    async fn remove_map(&self) -> Result<(), CallError> {
        remove_object(self.client, &self.at.object(object_name::object_map(self.id))).await
    }

    /// Everything that needs the opened image.
    async fn empty(&self, image: &Image, progress: &dyn Progress) -> Result<(), RemoveError> {
        let claim = Claim::take_despite(image, Features::JOURNALING).await?;
        self.check(image).await?;
        if self.now_in == Place::Directory {
            let entry = trash::Move {
                id: self.id,
                name: self.name,
                source: TrashSource::Removing,
                delay: Duration::ZERO,
                then: TrashState::Removing,
            };
            entry.run(self.client, self.at).await?;
        }
        erase(&claim, progress).await?;
        if claim.header().features.contains(Features::JOURNALING) {
            journal::remove(image.store(), &claim.header()).await?;
        }
        Ok(forget_child(self.client, &image.header()).await?)
    }

    /// Snapshots first, as in Ceph: who has to remove them has no use for the watchers.
    async fn check_use(&self) -> Result<(), RemoveError> {
        let read_only = OpenOptions::id(self.id, Access::ReadOnly);
        match Image::open(self.client, self.at, read_only).await {
            Ok(image) => check_snapshots(&image.header(), self.name)?,
            Err(OpenError::NoImage(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        let header = self.at.object(object_name::header(self.id));
        check_watchers(self.client, &header, self.name).await
    }

    async fn check(&self, image: &Image) -> Result<(), RemoveError> {
        check_snapshots(&image.header(), self.name)?;
        match ask(image.store(), image.header_object(), &ImageGroupGet {}).await {
            Ok(group) if group.group_id.is_empty() => Ok(()),
            Ok(_) => Err(RemoveError::InGroup { name: self.name.to_owned() }),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What there is of an image without a header.
    async fn forget_rest(&self) -> Result<(), CallError> {
        self.remove_map().await?;
        match self.now_in {
            Place::Directory => forget_name(self.client, self.at, self.name, self.id).await,
            Place::Trash => self.forget_entry().await,
        }
    }

    async fn forget_entry(&self) -> Result<(), CallError> {
        let call = TrashRemove { image_id: self.id.to_owned() };
        tell(&*self.client.store, &self.at.object(object_name::TRASH), &call).await
    }
}

/// Nobody may have the image open.
async fn check_watchers(client: &Client, header: &ObjectId, name: &str) -> Result<(), RemoveError> {
    match client.store.list_watchers(header).await {
        Ok(watchers) if watchers.is_empty() => Ok(()),
        Ok(watchers) => Err(RemoveError::InUse { name: name.to_owned(), watchers }),
        Err(error) if error.errno == Errno::NOENT => Ok(()),
        Err(error) => Err(CallError::from(error).into()),
    }
}

fn check_snapshots(header: &Header, name: &str) -> Result<(), RemoveError> {
    let name = name.to_owned();
    let removed = |snap: &Snapshot| matches!(snap.namespace, SnapshotNamespace::Trash { .. });
    match header.snapshots.is_empty() {
        true => Ok(()),
        false if header.snapshots.iter().all(removed) => Err(RemoveError::HasClones { name }),
        false => Err(RemoveError::HasSnapshots { name }),
    }
}
