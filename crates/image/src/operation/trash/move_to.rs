//! Moving an image to the trash: entry, then the name's object, then the directory, then the state.

use std::time::Duration;

use marcot_format::call::directory::DirRemoveImage;
use marcot_format::call::trash::{TrashAdd, TrashStateSet};
use marcot_format::features::Features;
use marcot_format::trash::{TrashImageSpec, TrashSource, TrashState};
use marcot_format::{Utime, object_name};
use marcot_store::Errno;

use super::TrashError;
use crate::class_call::{CallError, tell};
use crate::client::{Access, Client, Location};
use crate::image::{Image, OpenError, OpenOptions};
use crate::operation::claim::Claim;
use crate::operation::detach::remove_object;
use crate::pool::{directory, format_1, trash};

/// Moves the image `name` to the trash, where it must stay for `delay`.
pub async fn move_to_trash(
    client: &Client,
    at: &Location,
    name: &str,
    source: TrashSource,
    delay: Duration,
) -> Result<(), TrashError> {
    let Some(id) = find(client, at, name).await? else {
        let name = name.to_owned();
        return Err(match format_1::exists(client, at, &name).await? {
            true => TrashError::Format1 { name },
            false => TrashError::NoImage { name },
        });
    };
    let entry = Move { id: &id, name, source, delay, then: TrashState::Normal };
    match Image::open(client, at, OpenOptions::id(id.as_str(), Access::ReadWrite)).await {
        Ok(image) => {
            let moved = entry.of_image(client, at, &image).await;
            let closed = image.close().await;
            moved?;
            closed?;
        }
        // A name without a header: what is left of it can be removed from the trash.
        Err(OpenError::NoImage(_)) => entry.run(client, at).await?,
        Err(error) => return Err(error.into()),
    }
    Ok(client.store.flush().await.map_err(CallError::from)?)
}

/// The id by the name; also when a crash came while this image was on its way.
async fn find(client: &Client, at: &Location, name: &str) -> Result<Option<String>, CallError> {
    match directory::id_of(client, at, name).await {
        Ok(id) => return Ok(Some(id)),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    let on_its_way =
        |entry: &trash::Entry| entry.spec.name == name && entry.spec.state == TrashState::Moving;
    let entry = trash::list(client, at).await?.into_iter().find(on_its_way);
    Ok(entry.map(|entry| entry.id))
}

/// One image's way into the trash.
pub(crate) struct Move<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) source: TrashSource,
    /// How long it must stay.
    pub(crate) delay: Duration,
    /// The state at the end.
    pub(crate) then: TrashState,
}

impl Move<'_> {
    /// Whoever has the lock gives it up first. That others watch the image is no reason to stay.
    async fn of_image(
        &self,
        client: &Client,
        at: &Location,
        image: &Image,
    ) -> Result<(), TrashError> {
        let _claim = Claim::take_despite(image, Features::JOURNALING).await?;
        Ok(self.run(client, at).await?)
    }

    /// The steps; each may have been done before.
    pub(crate) async fn run(&self, client: &Client, at: &Location) -> Result<(), CallError> {
        let store = &*client.store;
        let now = client.env.now();
        let deletion_time = Utime { seconds: now.seconds, nanoseconds: now.nanoseconds };
        let delay = u32::try_from(self.delay.as_secs()).unwrap_or(u32::MAX);
        let spec = TrashImageSpec {
            source: self.source,
            name: self.name.to_owned(),
            deletion_time,
            deferment_end_time: Utime {
                seconds: now.seconds.saturating_add(delay),
                nanoseconds: now.nanoseconds,
            },
            state: TrashState::Moving,
        };
        let (trash, image_id) = (at.object(object_name::TRASH), self.id.to_owned());
        match tell(store, &trash, &TrashAdd { image_id: image_id.clone(), spec }).await {
            Err(error) if error.errno() == Errno::EXIST => {}
            other => other?,
        }
        forget_name(client, at, self.name, self.id).await?;
        let (new, expected) = (self.then, TrashState::Moving);
        tell(store, &trash, &TrashStateSet { image_id, new, expected }).await
    }
}

/// Takes a name out of the directory; that it is not there is no error.
pub(crate) async fn forget_name(
    client: &Client,
    at: &Location,
    name: &str,
    id: &str,
) -> Result<(), CallError> {
    remove_object(client, &at.object(object_name::id(name))).await?;
    let call = DirRemoveImage { name: name.to_owned(), image_id: id.to_owned() };
    match tell(&*client.store, &at.object(object_name::DIRECTORY), &call).await {
        Err(error) if matches!(error.errno(), Errno::NOENT | Errno::STALE) => Ok(()),
        other => other,
    }
}
