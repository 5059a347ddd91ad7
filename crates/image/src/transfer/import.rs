//! Making an image out of a file or a stream.

use std::io;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, TryStreamExt};
use marcot_store::Errno;

use super::Source;
use super::runs::data_runs;
use crate::client::{Access, Client, ImageKey, Location};
use crate::image::{CloseError, Image, OpenError, OpenOptions};
use crate::io::IoError;
use crate::operation::create::create_unflushed;
use crate::operation::{CreateError, CreateOptions, ResizeError, ResizeOptions, remove, resize};
use crate::progress::{NoProgress, Progress};

/// A stream's image grows by doubling from this size.
const FIRST_SIZE: u64 = 64 << 20;
/// How much to ask the source for at once.
const CHUNK: u64 = 4 << 20;

/// How to import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportOptions {
    /// The new image; its size is the source's.
    pub create: CreateOptions,
    /// Runs of zeros of at least so many bytes stay holes (`--sparse-size`).
    pub sparse_size: usize,
}

impl Default for ImportOptions {
    fn default() -> ImportOptions {
        ImportOptions { create: CreateOptions::default(), sparse_size: 4096 }
    }
}

/// Why nothing was imported. The image is gone again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("read the source: {0}")]
    Source(#[from] io::Error),
    #[error(transparent)]
    Create(#[from] CreateError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Resize(#[from] ResizeError),
    #[error(transparent)]
    Io(#[from] IoError),
    #[error(transparent)]
    Close(#[from] CloseError),
}

impl ImportError {
    pub fn errno(&self) -> Errno {
        match self {
            ImportError::Source(error) => Errno::from_raw(error.raw_os_error().unwrap_or(0)),
            ImportError::Create(error) => error.errno(),
            ImportError::Open(error) => error.errno(),
            ImportError::Resize(error) => error.errno(),
            ImportError::Io(error) => error.errno(),
            ImportError::Close(error) => error.errno(),
        }
    }
}

/// Creates the image `name` with the bytes of `source`. Many writes are under way at once.
pub async fn import(
    client: &Client,
    at: &Location,
    name: &str,
    source: &mut dyn Source,
    options: &ImportOptions,
    progress: &dyn Progress,
) -> Result<(), ImportError> {
    let size = source.size();
    let create = CreateOptions { size: size.unwrap_or(FIRST_SIZE), ..options.create.clone() };
    let created = create_unflushed(client, at, name, &create).await?;
    let filled = fill(client, at, created.key(), source, options, progress).await;
    if filled.is_err() {
        // Half an image is none. The error that comes first is the one to report.
        if let Err(error) = remove(client, at, name, &NoProgress).await {
            tracing::warn!(%error, name, "what was imported so far stays");
        }
    }
    filled
}

async fn fill(
    client: &Client,
    at: &Location,
    image: ImageKey,
    source: &mut dyn Source,
    options: &ImportOptions,
    progress: &dyn Progress,
) -> Result<(), ImportError> {
    let image = Image::open(client, at, OpenOptions::key(image, Access::ReadWrite)).await?;
    let poured = pour(&image, source, options.sparse_size.max(1), progress).await;
    let closed = image.close().await;
    poured?;
    Ok(closed?)
}

async fn pour(
    image: &Image,
    source: &mut dyn Source,
    sparse_size: usize,
    progress: &dyn Progress,
) -> Result<(), ImportError> {
    let known = source.size();
    let at_once = image.config().concurrent_management_ops.max(1);
    let mut writes = FuturesUnordered::new();
    let mut offset = 0;
    loop {
        offset += source.skip_hole(known.map_or(0, |size| size - offset.min(size)))?;
        // Up to where an object ends, as a rule, so that one write goes to one object.
        let ahead = source.data_ahead(CHUNK - offset % CHUNK)?.clamp(1, CHUNK);
        let mut buffer = vec![0; ahead as usize];
        let length = read_full(source, &mut buffer)?;
        if length == 0 {
            break;
        }
        buffer.truncate(length);
        let end = offset + length as u64;
        if end > image.header().size {
            grow(image, end).await?;
        }
        let buffer = Bytes::from(buffer);
        for run in data_runs(&buffer, sparse_size) {
            writes.push(image.write(offset + run.start as u64, buffer.slice(run)));
            while writes.len() >= at_once {
                writes.try_next().await?;
            }
        }
        offset = end;
        progress.update(offset, known.unwrap_or(offset).max(offset));
    }
    while writes.try_next().await?.is_some() {}
    if known.is_none() && image.header().size != offset {
        set_size(image, offset).await?;
    }
    Ok(())
}

async fn grow(image: &Image, needed: u64) -> Result<(), ImportError> {
    let doubled = image.header().size.saturating_mul(2);
    set_size(image, doubled.max(needed)).await
}

async fn set_size(image: &Image, size: u64) -> Result<(), ImportError> {
    let options = ResizeOptions { allow_shrink: true };
    Ok(resize(image, size, &options, &NoProgress).await?)
}

fn read_full(source: &mut dyn Source, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
