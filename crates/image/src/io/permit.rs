//! Who may write now: the image is open for writing, the header is fresh, the lock is ours.

use std::sync::Arc;

use marcot_format::features::Features;

use super::{Closed, Inside, IoError};
use crate::coordination::WhileOwned;
use crate::header::SnapView;
use crate::image::{Current, Image};

/// Leave to write under `current`. While it lives, no snapshot is taken and the lock stays.
pub(crate) struct Permit<'a> {
    pub(crate) current: Arc<Current>,
    _inside: Inside<'a>,
}

impl Image {
    /// Waits for leave to write what `check` has no objection to. It is asked before the lock is,
    /// which nobody has to give up for a request that will be refused.
    pub(super) async fn begin_write(
        &self,
        check: impl Fn(SnapView) -> Result<(), IoError>,
    ) -> Result<Permit<'_>, IoError> {
        if !self.is_writable() {
            return Err(IoError::ReadOnly { image: self.name() });
        }
        self.distrust_unwatched();
        loop {
            let inside = self.writes().enter().await;
            // What is true inside of the gate stays true: whoever changes it closes the gate.
            let fresh = !self.is_stale();
            let current = self.current();
            let shared = !current.header.features.contains(Features::EXCLUSIVE_LOCK);
            if fresh && (shared || self.coordination().is_lock_owner()) {
                current.header.check_writable(Features::NONE)?;
                check(current.view)?;
                return Ok(Permit { current, _inside: inside });
            }
            drop(inside);
            self.refresh_if_stale().await?;
            self.current().header.check_writable(Features::NONE)?;
            check(self.current().view)?;
            if self.current().header.features.contains(Features::EXCLUSIVE_LOCK) {
                self.acquire_lock(WhileOwned::Request).await?;
            }
        }
    }

    /// Waits until no write is in flight, and holds new ones back until the guard goes. Verbs
    /// hold it around what must not see half a write: the birth of a snapshot above all.
    pub(crate) async fn quiesce(&self) -> Closed<'_> {
        self.writes().close().await
    }
}
