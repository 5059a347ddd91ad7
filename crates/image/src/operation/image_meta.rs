//! An image's metadata: pairs that users and options keep in its header.

use std::collections::BTreeMap;

use marcot_format::call::metadata::{MetadataGet, MetadataList, MetadataRemove, MetadataSet};
use marcot_store::{Errno, ObjectId, Store};

use crate::class_call::{CallError, ask, tell};
use crate::config::{OptionError, overrides};
use crate::coordination::{DelegateError, OwnerRequest};
use crate::image::Image;
use crate::operation::claim::{Claim, ClaimError, check_writable};
use crate::progress::NoProgress;

/// How many pairs to ask for at once.
const PAGE: u64 = 64;

/// Why metadata was not read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageMetaError {
    #[error("there is no metadata key {key}")]
    NotFound { key: String },
    #[error(transparent)]
    Option(#[from] OptionError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Delegate(#[from] DelegateError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl ImageMetaError {
    pub fn errno(&self) -> Errno {
        match self {
            ImageMetaError::NotFound { .. } => Errno::NOENT,
            ImageMetaError::Option(error) => error.errno(),
            ImageMetaError::Claim(error) => error.errno(),
            ImageMetaError::Delegate(error) => error.errno(),
            ImageMetaError::Call(error) => error.errno(),
        }
    }
}

/// The value of `key`.
pub async fn get(image: &Image, key: &str) -> Result<Vec<u8>, ImageMetaError> {
    let call = MetadataGet { key: key.to_owned() };
    match ask(image.store(), image.header_object(), &call).await {
        Err(error) if error.is_not_found() => Err(ImageMetaError::NotFound { key: key.to_owned() }),
        other => Ok(other?),
    }
}

/// Sets `key` to `value`. A key `conf_…` must be an option that images may set.
pub async fn set(image: &Image, key: &str, value: &str) -> Result<(), ImageMetaError> {
    check_writable(image)?;
    overrides::check_metadata(key, value)?;
    let request =
        OwnerRequest::MetadataUpdate { key: key.to_owned(), value: Some(value.to_owned()) };
    image.as_owner(request, &NoProgress, || set_here(image, key, value)).await
}

async fn set_here(image: &Image, key: &str, value: &str) -> Result<(), ImageMetaError> {
    let claim = Claim::owned(image).await?;
    let pairs = BTreeMap::from([(key.to_owned(), value.as_bytes().to_vec())]);
    tell(image.store(), image.header_object(), &MetadataSet { pairs }).await?;
    Ok(claim.announce().await?)
}

/// Removes `key`.
pub async fn remove(image: &Image, key: &str) -> Result<(), ImageMetaError> {
    check_writable(image)?;
    get(image, key).await?;
    let request = OwnerRequest::MetadataUpdate { key: key.to_owned(), value: None };
    image.as_owner(request, &NoProgress, || remove_here(image, key)).await
}

async fn remove_here(image: &Image, key: &str) -> Result<(), ImageMetaError> {
    let claim = Claim::owned(image).await?;
    let call = MetadataRemove { key: key.to_owned() };
    match tell(image.store(), image.header_object(), &call).await {
        Err(error) if error.is_not_found() => {
            return Err(ImageMetaError::NotFound { key: key.to_owned() });
        }
        other => other?,
    }
    Ok(claim.announce().await?)
}

/// All pairs.
pub async fn list(image: &Image) -> Result<BTreeMap<String, Vec<u8>>, CallError> {
    list_of(image.store(), image.header_object()).await
}

/// All pairs in a header object.
pub(crate) async fn list_of(
    store: &dyn Store,
    header: &ObjectId,
) -> Result<BTreeMap<String, Vec<u8>>, CallError> {
    let mut pairs = BTreeMap::new();
    loop {
        let after = pairs.last_key_value().map(|(key, _): (&String, _)| key.clone());
        let call = MetadataList { after: after.unwrap_or_default(), max: PAGE };
        let page = match ask(store, header, &call).await {
            Err(error) if error.is_not_found() => return Ok(pairs),
            other => other?,
        };
        let last = (page.len() as u64) < PAGE;
        pairs.extend(page);
        if last {
            return Ok(pairs);
        }
    }
}

/// Gives all pairs of one header to another.
pub(crate) async fn copy(
    store: &dyn Store,
    from: &ObjectId,
    to: &ObjectId,
) -> Result<(), CallError> {
    let pairs = list_of(store, from).await?;
    if pairs.is_empty() {
        return Ok(());
    }
    tell(store, to, &MetadataSet { pairs }).await
}
