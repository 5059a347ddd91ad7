//! Giving an image another name: what is found by the new name first, what is found by the old
//! one last.

mod format_1;

use marcot_format::Encode;
use marcot_format::call::directory::DirRenameImage;
use marcot_format::object_name;
use marcot_store::op::CreateMode;
use marcot_store::{Errno, WriteOp, WriteStep};

use super::detach::remove_object;
use crate::class_call::{CallError, tell};
use crate::client::{Access, Client, ImageKey, Location};
use crate::coordination::{DelegateError, OwnerRequest};
use crate::header::{Identity, ImageFormat};
use crate::image::{CloseError, Image, OpenError, OpenOptions, identify};
use crate::operation::claim::{Claim, ClaimError};
use crate::pool::directory;
use crate::progress::NoProgress;

/// Why an image has its old name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenameError {
    #[error("an image needs a name")]
    NoName,
    #[error("there is no image {name}")]
    NotFound { name: String },
    #[error("rbd image {name} already exists")]
    Exists { name: String },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Close(#[from] CloseError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl RenameError {
    pub fn errno(&self) -> Errno {
        match self {
            RenameError::NoName => Errno::INVAL,
            RenameError::NotFound { .. } => Errno::NOENT,
            RenameError::Exists { .. } => Errno::EXIST,
            RenameError::Open(error) => error.errno(),
            RenameError::Close(error) => error.errno(),
            RenameError::Claim(error) => error.errno(),
            RenameError::Delegate(error) => error.errno(),
            RenameError::Call(error) => error.errno(),
        }
    }
}

/// Renames an image within its namespace. Whoever holds the image's lock does it. A crash in between
/// leaves it known under both names; running it again completes that.
pub async fn rename(
    client: &Client,
    at: &Location,
    from: &str,
    to: &str,
) -> Result<(), RenameError> {
    if to.is_empty() {
        return Err(RenameError::NoName);
    }
    let found = find(client, at, from).await?;
    check_free(client, at, to, &found).await?;
    let image = Image::open(client, at, OpenOptions::name(from, Access::ReadWrite)).await?;
    let request = OwnerRequest::Rename { name: to.to_owned() };
    let local = || async {
        Claim::owned(&image).await?;
        rename_here(client, at, from, to).await
    };
    let renamed = image.as_owner(request, &NoProgress, local).await;
    let closed = image.close().await;
    renamed?;
    Ok(closed?)
}

/// The same for who holds the lock already, or whose image has none.
pub(crate) async fn rename_here(
    client: &Client,
    at: &Location,
    from: &str,
    to: &str,
) -> Result<(), RenameError> {
    let found = find(client, at, from).await?;
    check_free(client, at, to, &found).await?;
    match found.format {
        ImageFormat::V1 => format_1::move_header(client, at, from, to).await?,
        ImageFormat::V2 => move_id(client, at, from, to, &found.id).await?,
    }
    Ok(client.store.flush().await.map_err(CallError::from)?)
}

/// A name that leads to the same image is what a crash in the middle left.
async fn check_free(
    client: &Client,
    at: &Location,
    name: &str,
    image: &Identity,
) -> Result<(), RenameError> {
    match identify(client, at, &ImageKey::Name(name.to_owned())).await {
        Err(OpenError::NoImage(_)) => Ok(()),
        Ok(other) if image.format == ImageFormat::V2 && other.id == image.id => {
            match image.name == other.name {
                true => Err(RenameError::Exists { name: name.to_owned() }),
                false => Ok(()),
            }
        }
        Ok(_) => Err(RenameError::Exists { name: name.to_owned() }),
        Err(error) => Err(error.into()),
    }
}

async fn find(client: &Client, at: &Location, name: &str) -> Result<Identity, RenameError> {
    match identify(client, at, &ImageKey::Name(name.to_owned())).await {
        Err(OpenError::NoImage(_)) => Err(RenameError::NotFound { name: name.to_owned() }),
        other => Ok(other?),
    }
}

/// Format 2: a new id object, the directory, the old id object away.
async fn move_id(
    client: &Client,
    at: &Location,
    from: &str,
    to: &str,
    id: &str,
) -> Result<(), CallError> {
    let store = &*client.store;
    let (old, new) = (at.object(object_name::id(from)), at.object(object_name::id(to)));
    let image_id = id.to_owned();
    let steps = vec![
        WriteStep::Create(CreateMode::Exclusive),
        WriteStep::WriteFull { data: image_id.to_bytes().into() },
    ];
    match store.write(&new, WriteOp::new(steps).ordered()).await {
        // It leads to this image: that was checked.
        Err(error) if error.errno == Errno::EXIST => {}
        other => drop(other?),
    }
    let (source, target) = (from.to_owned(), to.to_owned());
    let call = DirRenameImage { source, target, image_id };
    match tell(store, &at.object(object_name::DIRECTORY), &call).await {
        // The directory was the last that a crash left done.
        Err(_) if directory::id_of(client, at, to).await.is_ok_and(|found| found == id) => {}
        Err(error) => {
            // The first error is what the caller needs to hear.
            let _ = remove_object(client, &new).await;
            return Err(error);
        }
        Ok(()) => {}
    }
    remove_object(client, &old).await
}
