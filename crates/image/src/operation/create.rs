//! Creating an image: what it is to be, then its records, one after the other. What fails is taken
//! back.
//!
//! | file | what it holds |
//! |---|---|
//! | `plan` | what the image is to be: pure |
//! | `format_2`, `format_1` | the records of each kind |

mod format_1;
mod format_2;
mod plan;

use std::future::ready;

use futures_util::future::join;
use marcot_format::object_name;
use marcot_store::{Errno, PoolId, ReadOp, ReadStep, SnapId, WriteStep};

use super::layout::Layout;
use crate::class_call::CallError;
use crate::client::{Client, Location};
use crate::config::Config;
use crate::header::Identity;
use crate::pool;
use crate::pool::init::Readiness;

/// Which kind of image to make.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreateFormat {
    #[default]
    V2,
    /// Refused, as librbd refuses it.
    V1,
    /// What librbd makes when `RBD_FORCE_ALLOW_V1` is set.
    V1Forced,
}

/// What a new image is to be. What is left out comes from the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateOptions {
    pub format: CreateFormat,
    /// In bytes.
    pub size: u64,
    pub layout: Layout,
}

/// Why an image was not created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    #[error("an image needs a name")]
    NoName,
    #[error("rbd image {name} already exists")]
    Exists { name: String },
    #[error("order must be in the range [12, 25]")]
    Order,
    #[error("must specify both (or neither) of stripe-unit and stripe-count")]
    HalfStriping,
    #[error("stripe unit is not a factor of the object size")]
    StripeUnit,
    #[error("cannot use {feature} without exclusive lock")]
    NeedsExclusiveLock { feature: &'static str },
    #[error("unknown feature bits {bits:#x}")]
    UnknownFeatures { bits: u64 },
    #[error("journaling is not supported")]
    Journaling,
    #[error("Format 1 image creation unsupported.")]
    Format1,
    #[error("attempting to add v1 image to namespace")]
    Format1InNamespace,
    #[error("image size not compatible with object map")]
    TooLargeForObjectMap,
    #[error("data pool {pool} does not exist")]
    NoDataPool { pool: String },
    #[error(transparent)]
    Call(#[from] CallError),
}

impl CreateError {
    pub fn errno(&self) -> Errno {
        match self {
            CreateError::Exists { .. } => Errno::EXIST,
            CreateError::Order => Errno::DOM,
            CreateError::NoName
            | CreateError::HalfStriping
            | CreateError::StripeUnit
            | CreateError::NeedsExclusiveLock { .. }
            | CreateError::Format1
            | CreateError::Format1InNamespace
            | CreateError::TooLargeForObjectMap => Errno::INVAL,
            CreateError::UnknownFeatures { .. } => Errno::NOSYS,
            CreateError::Journaling => Errno::OPNOTSUPP,
            CreateError::NoDataPool { .. } => Errno::NOENT,
            CreateError::Call(error) => error.errno(),
        }
    }
}

/// Creates an image and answers its id; one of format 1 has none, and the answer is empty.
pub async fn create(
    client: &Client,
    at: &Location,
    name: &str,
    options: &CreateOptions,
) -> Result<String, CreateError> {
    let identity = create_unflushed(client, at, name, options).await?;
    client.store.flush().await.map_err(CallError::from)?;
    Ok(identity.id.to_string())
}

/// [`create`], durable with the next flush.
pub(crate) async fn create_unflushed(
    client: &Client,
    at: &Location,
    name: &str,
    options: &CreateOptions,
) -> Result<Identity, CreateError> {
    if name.is_empty() {
        return Err(CreateError::NoName);
    }
    let (exists, pool) = join(exists(client, at, name), Readiness::read(client, at.pool)).await;
    if exists? {
        return Err(CreateError::Exists { name: name.to_owned() });
    }
    lay_down(client, at, name, (options, &pool?), ready(Ok(Vec::new()))).await
}

/// The work of [`create`], in a pool that was looked at. What else the header of an image of format 2
/// is to say, `more` yields. As for Ceph's clones, options that cannot be are told before a name that
/// is taken.
pub(crate) async fn lay_down(
    client: &Client,
    at: &Location,
    name: &str,
    (options, pool): (&CreateOptions, &Readiness),
    more: impl Future<Output = Result<Vec<WriteStep>, CallError>>,
) -> Result<Identity, CreateError> {
    match options.format {
        CreateFormat::V2 => {
            let id = format_2::lay_down(client, at, name, (options, pool), more).await?;
            Ok(Identity::format_2(at, &id, name))
        }
        CreateFormat::V1 => Err(CreateError::Format1),
        CreateFormat::V1Forced => {
            format_1::lay_down(client, at, name, options, pool).await?;
            Ok(Identity::format_1(at, name))
        }
    }
}

/// The pool for the data; `None` for the header's own.
async fn find_data_pool(
    client: &Client,
    at: &Location,
    options: &CreateOptions,
    config: &Config,
) -> Result<Option<PoolId>, CreateError> {
    let name = options.layout.data_pool.as_ref().unwrap_or(&config.default_data_pool);
    if name.is_empty() {
        return Ok(None);
    }
    let found = client.store.find_pool(name).await.map_err(CallError::from)?;
    let pool = found.ok_or_else(|| CreateError::NoDataPool { pool: name.clone() })?;
    Ok((pool != at.pool).then_some(pool))
}

/// Whether the name is taken, by an image of either format.
pub(crate) async fn exists(client: &Client, at: &Location, name: &str) -> Result<bool, CallError> {
    let object = at.object(object_name::id(name));
    let stat = client.store.read(&object, SnapId::HEAD, ReadOp::single(ReadStep::Stat));
    let (old, new) = join(pool::format_1::exists(client, at, name), stat).await;
    match new {
        _ if old? => Ok(true),
        Ok(_) => Ok(true),
        Err(error) if error.errno == Errno::NOENT => Ok(false),
        Err(error) => Err(error.into()),
    }
}
