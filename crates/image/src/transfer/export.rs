//! Writing an image, or a snapshot of it, to a file or a stream.

use std::io;

use futures_util::StreamExt;
use marcot_store::Errno;

use super::Sink;
use super::chunks::{WINDOW, chunks};
use super::runs::data_runs;
use crate::extents::ImageExtent;
use crate::image::Image;
use crate::io::IoError;
use crate::progress::Progress;

/// Shorter runs of zeros within data are written as they are.
const GRAIN: usize = 64 << 10;

/// Why an export is not whole.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error("write the copy: {0}")]
    Sink(#[from] io::Error),
    #[error(transparent)]
    Io(#[from] IoError),
}

impl ExportError {
    pub fn errno(&self) -> Errno {
        match self {
            ExportError::Sink(error) => Errno::from_raw(error.raw_os_error().unwrap_or(0)),
            ExportError::Io(error) => error.errno(),
        }
    }
}

/// Gives every byte of what was opened to `sink`, holes as holes. Many reads are under way at
/// once.
pub async fn export(
    image: &Image,
    sink: &mut dyn Sink,
    progress: &dyn Progress,
) -> Result<(), ExportError> {
    let size = image.view().size;
    let mut offset = 0;
    while offset < size {
        let window = ImageExtent::new(offset, WINDOW.min(size - offset));
        let mut chunks = chunks(image, window).await?;
        while let Some(chunk) = chunks.next().await {
            let (extent, data) = chunk?;
            match data {
                Some(data) => give(sink, extent.offset, &data)?,
                None => sink.hole(extent.offset, extent.length)?,
            }
            progress.update(extent.end(), size);
        }
        offset = window.end();
    }
    Ok(())
}

fn give(sink: &mut dyn Sink, offset: u64, data: &[u8]) -> io::Result<()> {
    let mut at = 0;
    for run in data_runs(data, GRAIN) {
        if run.start > at {
            sink.hole(offset + at as u64, (run.start - at) as u64)?;
        }
        at = run.end;
        sink.write(offset + run.start as u64, data.get(run).unwrap_or_default())?;
    }
    match data.len() - at {
        0 => Ok(()),
        rest => sink.hole(offset + at as u64, rest as u64),
    }
}
