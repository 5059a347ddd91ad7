//! Options that a pool or an image overrides: metadata `conf_OPTION` of `rbd_info` or of the
//! image's header, as the user wrote it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join;
use marcot_format::call::metadata::{MetadataGet, MetadataList, MetadataRemove, MetadataSet};
use marcot_format::header::METADATA_CONFIG_PREFIX;
use marcot_format::object_name::INFO;
use marcot_store::{Errno, ObjectId, PoolId, ReadStep, Store, StoreError};

use super::option::{self, Level, OptionError, RbdOption};
use super::{Config, Effective, Source, global};
use crate::class_call::{Answers, CallError, ask, ask_all, query, tell};
use crate::client::{Client, Location};
use crate::image::Image;
use crate::operation::image_meta::{self, ImageMetaError};

/// More than there are options.
const PAGE: u64 = 128;

/// Set when a pool's overrides change, so that clients of Ceph read them again.
const UPDATED: &str = "rbd_config_pool_override_update_timestamp";

/// Why an override was not read or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{name} is not set")]
    NotSet { name: String },
    #[error(transparent)]
    Option(#[from] OptionError),
    #[error(transparent)]
    Image(#[from] ImageMetaError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ConfigError {
    pub fn errno(&self) -> Errno {
        match self {
            ConfigError::NotSet { .. } => Errno::NOENT,
            ConfigError::Option(error) => error.errno(),
            ConfigError::Image(error) => error.errno(),
            ConfigError::Call(error) => error.errno(),
            ConfigError::Store(error) => error.errno,
        }
    }
}

/// What a pool says.
pub async fn of_pool(
    store: &dyn Store,
    pool: PoolId,
) -> Result<BTreeMap<String, String>, CallError> {
    list(store, &info(pool)).await
}

/// The options as they hold for new images of a pool.
pub async fn pool_config(client: &Client, pool: PoolId) -> Result<Config, CallError> {
    Ok(client.config.overridden(&of_pool(&*client.store, pool).await?))
}

/// The options as they hold for the image with that header.
pub(crate) async fn image_config(
    client: &Client,
    pool: PoolId,
    header: &ObjectId,
) -> Result<Arc<Config>, CallError> {
    let store = &*client.store;
    let (of_pool, of_image) = try_join(of_pool(store, pool), list(store, header)).await?;
    if of_pool.is_empty() && of_image.is_empty() {
        return Ok(Arc::clone(&client.config));
    }
    Ok(Arc::new(client.config.overridden(&of_pool).overridden(&of_image)))
}

/// Every option that a pool may set, as it holds for the pool.
pub async fn list_pool(client: &Client, pool: PoolId) -> Result<Vec<Effective>, CallError> {
    let pool = of_pool(&*client.store, pool).await?;
    let layers = [(Source::Pool, &pool)];
    Ok(client.settings.effective(&*client.store, Level::Pool, &layers))
}

/// Every option that an image may set, as it holds for the image.
pub async fn list_image(image: &Image) -> Result<Vec<Effective>, CallError> {
    let (client, store) = (image.client(), image.store());
    let pool = of_pool(store, image.location().pool).await?;
    let own = list(store, image.header_object()).await?;
    let layers = [(Source::Pool, &pool), (Source::Image, &own)];
    Ok(client.settings.effective(store, Level::Image, &layers))
}

/// The text that a pool sets an option to.
pub async fn get_pool(
    client: &Client,
    pool: PoolId,
    option: &RbdOption,
) -> Result<String, ConfigError> {
    let call = MetadataGet { key: key(option.name) };
    match ask(&*client.store, &info(pool), &call).await {
        Ok(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
        Err(error) if error.is_not_found() => Err(not_set(option)),
        Err(error) => Err(error.into()),
    }
}

/// Overrides an option for a pool.
pub async fn set_pool(
    client: &Client,
    pool: PoolId,
    option: &RbdOption,
    text: &str,
) -> Result<(), ConfigError> {
    check(option, Level::Pool, text)?;
    let pairs = BTreeMap::from([(key(option.name), text.as_bytes().to_vec())]);
    tell(&*client.store, &info(pool), &MetadataSet { pairs }).await?;
    pool_changed(client).await
}

/// Takes a pool's override back.
pub async fn remove_pool(
    client: &Client,
    pool: PoolId,
    option: &RbdOption,
) -> Result<(), ConfigError> {
    get_pool(client, pool, option).await?;
    tell(&*client.store, &info(pool), &MetadataRemove { key: key(option.name) }).await?;
    pool_changed(client).await
}

/// The text that an image sets an option to.
pub async fn get_image(image: &Image, option: &RbdOption) -> Result<String, ConfigError> {
    match image_meta::get(image, &key(option.name)).await {
        Ok(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
        Err(ImageMetaError::NotFound { .. }) => Err(not_set(option)),
        Err(error) => Err(error.into()),
    }
}

/// Overrides an option for an image.
pub async fn set_image(image: &Image, option: &RbdOption, text: &str) -> Result<(), ConfigError> {
    Ok(image_meta::set(image, &key(option.name), text).await?)
}

/// Takes an image's override back.
pub async fn remove_image(image: &Image, option: &RbdOption) -> Result<(), ConfigError> {
    match image_meta::remove(image, &key(option.name)).await {
        Err(ImageMetaError::NotFound { .. }) => Err(not_set(option)),
        other => Ok(other?),
    }
}

/// Refuses a metadata pair that would override an option with what is no value of it, or one that
/// an image has no say in.
pub(crate) fn check_metadata(key: &str, value: &str) -> Result<(), OptionError> {
    let Some(name) = key.strip_prefix(METADATA_CONFIG_PREFIX) else { return Ok(()) };
    check(option::find(name)?, Level::Image, value)
}

fn check(option: &RbdOption, level: Level, text: &str) -> Result<(), OptionError> {
    if option.level < level {
        return Err(OptionError::Level(option.name.to_owned()));
    }
    option.parse(text).map(drop)
}

async fn list(store: &dyn Store, object: &ObjectId) -> Result<BTreeMap<String, String>, CallError> {
    match ask_all(store, object, vec![listing()]).await {
        Err(error) if error.is_not_found() => Ok(BTreeMap::new()),
        other => listed(&mut other?),
    }
}

/// Asks for the overrides that an object keeps.
pub(crate) fn listing() -> ReadStep {
    query(&MetadataList { after: METADATA_CONFIG_PREFIX.to_owned(), max: PAGE })
}

/// The answer to [`listing`].
pub(crate) fn listed(answers: &mut Answers) -> Result<BTreeMap<String, String>, CallError> {
    let pairs = answers.answer::<MetadataList>()?;
    let option = |(key, value): (String, Vec<u8>)| {
        let name = key.strip_prefix(METADATA_CONFIG_PREFIX)?.to_owned();
        Some((name, String::from_utf8_lossy(&value).into_owned()))
    };
    Ok(pairs.into_iter().filter_map(option).collect())
}

async fn pool_changed(client: &Client) -> Result<(), ConfigError> {
    let seconds = client.env.now().seconds;
    let option = option::find(UPDATED)?;
    let (store, section) = (&*client.store, global::Section::Global);
    Ok(global::set(store, &section, option, &seconds.to_string()).await?)
}

fn info(pool: PoolId) -> ObjectId {
    Location::new(pool, "").object(INFO)
}

fn key(name: &str) -> String {
    format!("{METADATA_CONFIG_PREFIX}{name}")
}

fn not_set(option: &RbdOption) -> ConfigError {
    ConfigError::NotSet { name: option.name.to_owned() }
}
