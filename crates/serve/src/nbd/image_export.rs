//! An RBD image, or a snapshot of one, as an export.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use marcot_image::{AllocationState, Image, IoError};
use marcot_store::Errno;

use super::export::{
    Export, ExportAccess, ExportError, ExportFuture, Extent, ExtentState, Persistence, Range,
    ZeroOptions,
};

/// Serves an opened image. Several connections share it, so that a flush covers them all.
pub struct ImageExport {
    image: Arc<Image>,
}

impl ImageExport {
    pub fn new(image: Arc<Image>) -> ImageExport {
        ImageExport { image }
    }

    async fn settle(&self, persistence: Persistence) -> Result<(), ExportError> {
        match persistence {
            Persistence::Cached => Ok(()),
            Persistence::Durable => self.image.flush().await.map_err(|error| refusal(&error)),
        }
    }
}

impl Export for ImageExport {
    fn size(&self) -> u64 {
        self.image.view().size
    }

    fn access(&self) -> ExportAccess {
        if self.image.is_writable() { ExportAccess::ReadWrite } else { ExportAccess::ReadOnly }
    }

    fn read(self: Arc<Self>, offset: u64, length: u32) -> ExportFuture<Bytes> {
        Box::pin(async move {
            self.image.read(offset, length.into()).await.map_err(|error| refusal(&error))
        })
    }

    fn write(
        self: Arc<Self>,
        offset: u64,
        data: Bytes,
        persistence: Persistence,
    ) -> ExportFuture<()> {
        Box::pin(async move {
            self.image.write(offset, data).await.map_err(|error| refusal(&error))?;
            self.settle(persistence).await
        })
    }

    fn trim(self: Arc<Self>, range: Range, persistence: Persistence) -> ExportFuture<()> {
        Box::pin(async move {
            let discarded = self.image.discard(range.offset, range.length).await;
            discarded.map_err(|error| refusal(&error))?;
            self.settle(persistence).await
        })
    }

    /// Zeroes are never written out, so that every zeroing is a fast one; and as every write goes
    /// to new space, keeping the old would promise nothing.
    fn write_zeroes(self: Arc<Self>, range: Range, options: ZeroOptions) -> ExportFuture<()> {
        Box::pin(async move {
            let zeroed = self.image.write_zeroes(range.offset, range.length).await;
            zeroed.map_err(|error| refusal(&error))?;
            self.settle(options.persistence).await
        })
    }

    fn flush(self: Arc<Self>) -> ExportFuture<()> {
        Box::pin(async move { self.settle(Persistence::Durable).await })
    }

    fn allocation(self: Arc<Self>, range: Range) -> ExportFuture<Vec<Extent>> {
        Box::pin(async move {
            let found = self.image.allocation(range.offset, range.length).await;
            let found = found.map_err(|error| refusal(&error))?;
            Ok(found
                .into_iter()
                .map(|found| Extent {
                    length: found.length,
                    state: match found.state {
                        AllocationState::Data => ExtentState::Data,
                        AllocationState::Hole => ExtentState::Hole,
                    },
                })
                .collect())
        })
    }
}

/// The few kinds of failure that NBD can tell apart.
fn refusal(error: &IoError) -> ExportError {
    let text = error.to_string();
    match error.errno() {
        Errno::NOSPC | Errno::DQUOT => ExportError::NoSpace(text),
        Errno::ROFS | Errno::PERM | Errno::ACCES => ExportError::ReadOnly,
        Errno::INVAL => ExportError::Invalid(text),
        Errno::OPNOTSUPP => ExportError::NotSupported(text),
        Errno::NOMEM => ExportError::NoMemory(text),
        Errno::SHUTDOWN => ExportError::ShuttingDown,
        _ => ExportError::Io(text),
    }
}

impl fmt::Debug for ImageExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageExport").field("id", &self.image.header().id).finish_non_exhaustive()
    }
}
