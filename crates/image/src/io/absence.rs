//! An object that a snapshot has not got reads as zeros, or as the parent's bytes. When the snapshot
//! was removed meanwhile, which nobody tells who only reads, the object may have gone with it.
//!
//! So an absent object is believed once the snapshot was seen in the header after that answer. One
//! look stands for all answers that came before it.

use std::sync::atomic::{AtomicU64, Ordering};

use marcot_format::call::snapshot::SnapshotGet;
use marcot_format::snapshot::SnapshotNamespace;
use marcot_store::SnapId;

use super::IoError;
use crate::class_call::ask;
use crate::header::ImageFormat;
use crate::image::Image;

/// Which absences were checked.
#[derive(Debug, Default)]
pub(crate) struct Absences {
    met: AtomicU64,
    /// Those up to this number are of a snapshot that was there.
    checked: AtomicU64,
    checking: futures_util::lock::Mutex<()>,
}

impl Image {
    /// After an object was absent at `snap`: fails when that is because the snapshot is gone. Of
    /// the head there is nothing to ask.
    pub(super) async fn check_not_removed(&self, snap: SnapId) -> Result<(), IoError> {
        if snap == SnapId::HEAD {
            return Ok(());
        }
        let absences = self.absences();
        let number = absences.met.fetch_add(1, Ordering::SeqCst) + 1;
        let _single = absences.checking.lock().await;
        if absences.checked.load(Ordering::SeqCst) >= number {
            return Ok(());
        }
        let met = absences.met.load(Ordering::SeqCst);
        if !self.has_snapshot(snap).await? {
            return Err(IoError::Removed { image: self.name() });
        }
        absences.checked.store(met, Ordering::SeqCst);
        Ok(())
    }

    /// Whether the header has the snapshot. One in the trash without clones is on its way out: its
    /// data may be gone.
    async fn has_snapshot(&self, snap: SnapId) -> Result<bool, IoError> {
        match self.header().format {
            ImageFormat::V1 => {
                self.refresh().await?;
                Ok(!self.current().removed)
            }
            ImageFormat::V2 => {
                let call = SnapshotGet { snap_id: snap.0 };
                match ask(self.store(), self.header_object(), &call).await {
                    Ok(info) => Ok(info.child_count > 0
                        || !matches!(info.namespace, SnapshotNamespace::Trash { .. })),
                    Err(error) if error.is_not_found() => Ok(false),
                    Err(error) => Err(error.into()),
                }
            }
        }
    }
}
