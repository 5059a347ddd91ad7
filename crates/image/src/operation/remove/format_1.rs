//! Removing an image of format 1: its data, its header, its name in the list. The trash is not for
//! these images: what a crash leaves is an image with less data, or a name without an image, and
//! running the verb again completes it.

use super::{RemoveError, check_snapshots, check_watchers};
use crate::class_call::CallError;
use crate::client::{Access, Client, Location};
use crate::header::Identity;
use crate::image::{Image, OpenError, OpenOptions};
use crate::operation::claim::Claim;
use crate::operation::detach::remove_object;
use crate::operation::erase::erase;
use crate::pool::format_1;
use crate::progress::Progress;

/// Removes the image of format 1 called `name`.
pub(super) async fn remove(
    client: &Client,
    at: &Location,
    name: &str,
    progress: &dyn Progress,
) -> Result<(), RemoveError> {
    let header = Identity::format_1(at, name).header_object();
    check_watchers(client, &header, name).await?;
    match Image::open(client, at, OpenOptions::name(name, Access::ReadWrite)).await {
        Ok(image) => {
            let emptied = empty(&image, name, progress).await;
            let closed = image.close().await;
            emptied?;
            closed?;
            remove_object(client, &image.header().object()).await?;
        }
        Err(OpenError::NoImage(_)) => {
            if !format_1::names(client, at).await?.iter().any(|found| found == name) {
                return Err(RemoveError::NotFound { name: name.to_owned() });
            }
        }
        Err(error) => return Err(error.into()),
    }
    format_1::remove(client, at, name).await?;
    client.store.flush().await.map_err(CallError::from)?;
    progress.update(1, 1);
    Ok(())
}

async fn empty(image: &Image, name: &str, progress: &dyn Progress) -> Result<(), RemoveError> {
    let claim = Claim::take(image).await?;
    check_snapshots(&claim.header(), name)?;
    Ok(erase(&claim, progress).await?)
}
