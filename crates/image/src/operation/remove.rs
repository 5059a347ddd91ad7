//! Removing an image: into the trash, then its data, its links, its objects.
//!
//! The name is free and the image out of sight before the first byte goes. What a crash leaves is
//! an image in the trash, marked as being removed.

use std::sync::Arc;

use marcot_format::call::directory::DirRemoveImage;
use marcot_format::call::group::ImageGroupGet;
use marcot_format::call::trash::{TrashAdd, TrashRemove, TrashStateSet};
use marcot_format::trash::{TrashImageSpec, TrashSource, TrashState};
use marcot_format::{Utime, object_name};
use marcot_store::watch::Watcher;
use marcot_store::{Errno, ObjectId};

use super::detach::{forget_child, remove_object};
use super::erase::erase;
use crate::class_call::{CallError, ask, tell};
use crate::client::{Access, Client, Location};
use crate::image::{CloseError, Image, OpenError, OpenOptions};
use crate::operation::claim::{Claim, ClaimError};
use crate::pool::directory;
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
    #[error("image {name} is in use: somebody watches it")]
    InUse { name: String, watchers: Vec<Watcher> },
    #[error("image {name} belongs to a group; remove it from the group first")]
    InGroup { name: String },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Close(#[from] CloseError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl RemoveError {
    pub fn errno(&self) -> Errno {
        match self {
            RemoveError::NotFound { .. } => Errno::NOENT,
            RemoveError::HasSnapshots { .. } => Errno::NOTEMPTY,
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
pub async fn remove(
    client: &Client,
    at: &Location,
    name: &str,
    progress: &dyn Progress,
) -> Result<(), RemoveError> {
    let id = match directory::id_of(client, at, name).await {
        Err(error) if error.is_not_found() => {
            return Err(RemoveError::NotFound { name: name.to_owned() });
        }
        other => other?,
    };
    let doomed = Doomed { client, at, name, id: &id };
    doomed.check_watchers().await?;
    match Image::open(client, at, OpenOptions::id(id.clone(), Access::ReadWrite)).await {
        Ok(image) => doomed.remove(&image, progress).await?,
        // A crash while it was created, or removed by an older release, left a name without a
        // header.
        Err(OpenError::NoImage(_)) => doomed.forget_name().await?,
        Err(error) => return Err(error.into()),
    }
    client.store.flush().await.map_err(CallError::from)?;
    progress.update(1, 1);
    Ok(())
}

struct Doomed<'a> {
    client: &'a Client,
    at: &'a Location,
    name: &'a str,
    id: &'a str,
}

impl Doomed<'_> {
    async fn remove(&self, image: &Arc<Image>, progress: &dyn Progress) -> Result<(), RemoveError> {
        let emptied = self.empty(image, progress).await;
        let closed = image.close().await;
        emptied?;
        closed?;
        let header = image.header();
        remove_object(self.client, &header.object()).await?;
        let map = header.object_map_object(marcot_store::SnapId::HEAD);
        remove_object(self.client, &map).await?;
        let call = TrashRemove { image_id: self.id.to_owned() };
        Ok(tell(&*self.client.store, &self.trash(), &call).await?)
    }

    /// Everything that needs the opened image.
    async fn empty(&self, image: &Image, progress: &dyn Progress) -> Result<(), RemoveError> {
        let claim = Claim::take(image).await?;
        self.check(image).await?;
        self.move_to_trash().await?;
        erase(&claim, progress).await?;
        Ok(forget_child(self.client, &image.header()).await?)
    }

    async fn check_watchers(&self) -> Result<(), RemoveError> {
        let header = self.at.object(object_name::header(self.id));
        match self.client.store.list_watchers(&header).await {
            Ok(watchers) if watchers.is_empty() => Ok(()),
            Ok(watchers) => Err(RemoveError::InUse { name: self.name.to_owned(), watchers }),
            Err(error) if error.errno == Errno::NOENT => Ok(()),
            Err(error) => Err(CallError::from(error).into()),
        }
    }

    async fn check(&self, image: &Image) -> Result<(), RemoveError> {
        if !image.header().snapshots.is_empty() {
            return Err(RemoveError::HasSnapshots { name: self.name.to_owned() });
        }
        match ask(image.store(), image.header_object(), &ImageGroupGet {}).await {
            Ok(group) if group.group_id.is_empty() => Ok(()),
            Ok(_) => Err(RemoveError::InGroup { name: self.name.to_owned() }),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn move_to_trash(&self) -> Result<(), CallError> {
        let store = &*self.client.store;
        let now = self.client.env.now();
        let now = Utime { seconds: now.seconds, nanoseconds: now.nanoseconds };
        let spec = TrashImageSpec {
            source: TrashSource::Removing,
            name: self.name.to_owned(),
            deletion_time: now,
            deferment_end_time: now,
            state: TrashState::Moving,
        };
        let image_id = self.id.to_owned();
        tell(store, &self.trash(), &TrashAdd { image_id: image_id.clone(), spec }).await?;
        self.forget_name().await?;
        let (new, expected) = (TrashState::Removing, TrashState::Moving);
        tell(store, &self.trash(), &TrashStateSet { image_id, new, expected }).await
    }

    async fn forget_name(&self) -> Result<(), CallError> {
        remove_object(self.client, &self.at.object(object_name::id(self.name))).await?;
        let (name, image_id) = (self.name.to_owned(), self.id.to_owned());
        let call = DirRemoveImage { name, image_id };
        tell(&*self.client.store, &self.at.object(object_name::DIRECTORY), &call).await
    }

    fn trash(&self) -> ObjectId {
        self.at.object(object_name::TRASH)
    }
}
