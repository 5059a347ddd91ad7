//! Copying an image, or a snapshot of one, into a new image. Holes stay holes; snapshots are not
//! copied, metadata is.

use futures_util::stream::{FuturesUnordered, StreamExt, TryStreamExt};
use marcot_store::Errno;

use super::create::{CreateError, CreateFormat, CreateOptions, create_unflushed};
use super::layout::Layout;
use super::{image_meta, remove};
use crate::class_call::CallError;
use crate::client::{Access, Client, ImageKey, Location};
use crate::extents::ImageExtent;
use crate::image::{CloseError, Image, OpenError, OpenOptions};
use crate::io::IoError;
use crate::progress::{NoProgress, Progress};
use crate::transfer::chunks::{WINDOW, chunks};
use crate::transfer::runs::data_runs;

/// Runs of zeros of at least so many bytes stay holes.
const GRAIN: usize = 4096;

/// Why there is no copy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    #[error(transparent)]
    Create(#[from] CreateError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Io(#[from] IoError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Close(#[from] CloseError),
}

impl CopyError {
    pub fn errno(&self) -> Errno {
        match self {
            CopyError::Create(error) => error.errno(),
            CopyError::Open(error) => error.errno(),
            CopyError::Io(error) => error.errno(),
            CopyError::Call(error) => error.errno(),
            CopyError::Close(error) => error.errno(),
        }
    }
}

/// Copies what `source` has opened to a new image `name`, which has from its source what `layout`
/// leaves out. On error nothing is left of it.
pub async fn copy(
    source: &Image,
    client: &Client,
    at: &Location,
    name: &str,
    layout: &Layout,
    progress: &dyn Progress,
) -> Result<(), CopyError> {
    let options = CreateOptions {
        format: CreateFormat::V2,
        size: source.view().size,
        layout: layout.like(&source.header()),
    };
    let created = create_unflushed(client, at, name, &options).await?;
    let copied = fill(source, client, at, created.key(), progress).await;
    if copied.is_err() {
        // The error that came first is the one to report.
        if let Err(error) = remove(client, at, name, &NoProgress).await {
            tracing::warn!(%error, name, "what was copied so far stays");
        }
    }
    copied
}

async fn fill(
    source: &Image,
    client: &Client,
    at: &Location,
    image: ImageKey,
    progress: &dyn Progress,
) -> Result<(), CopyError> {
    let target = Image::open(client, at, OpenOptions::key(image, Access::ReadWrite)).await?;
    let poured = pour(source, &target, progress).await;
    let closed = target.close().await;
    poured?;
    Ok(closed?)
}

async fn pour(source: &Image, target: &Image, progress: &dyn Progress) -> Result<(), CopyError> {
    image_meta::copy(target.store(), source.header_object(), target.header_object()).await?;
    let size = source.view().size;
    let at_once = target.config().concurrent_management_ops.max(1);
    let mut writes = FuturesUnordered::new();
    let mut offset = 0;
    while offset < size {
        let window = ImageExtent::new(offset, WINDOW.min(size - offset));
        let mut chunks = chunks(source, window).await?;
        while let Some(chunk) = chunks.next().await {
            let (extent, data) = chunk?;
            let data = data.unwrap_or_default();
            for run in data_runs(&data, GRAIN) {
                writes.push(target.write(extent.offset + run.start as u64, data.slice(run)));
                while writes.len() >= at_once {
                    writes.try_next().await?;
                }
            }
            progress.update(extent.end(), size);
        }
        offset = window.end();
    }
    while writes.try_next().await?.is_some() {}
    Ok(())
}
