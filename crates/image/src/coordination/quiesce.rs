//! Asking those who use an image to pause while a snapshot is taken, and to go on afterwards.
//!
//! Whoever watches the header is asked: a block device with a file system on it freezes that first.
//! Who has nothing to pause answers at once.

use std::sync::Arc;

use marcot_format::Decode;
use marcot_format::notify::{AsyncRequest, NotifyMessage, NotifyResponse};
use marcot_store::watch::NotifyOutcome;
use marcot_store::{Errno, StoreError};

use super::notify::result_of;
use crate::image::Image;

/// How often users are asked who do not answer in time.
const ATTEMPTS: usize = 10;

const SKIP: u64 = 1;
const IGNORE_ERRORS: u64 = 2;

/// Whether users of the image must pause for a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quiesce {
    /// A user that cannot is an error.
    #[default]
    Required,
    /// They are asked, and whatever they say is fine.
    IgnoreErrors,
    /// Nobody is asked.
    Skip,
}

impl Quiesce {
    /// As a message carries it.
    pub(super) fn flags(self) -> u64 {
        match self {
            Quiesce::Required => 0,
            Quiesce::IgnoreErrors => IGNORE_ERRORS,
            Quiesce::Skip => SKIP,
        }
    }

    pub(super) fn of_flags(flags: u64) -> Quiesce {
        match flags {
            flags if flags & SKIP != 0 => Quiesce::Skip,
            flags if flags & IGNORE_ERRORS != 0 => Quiesce::IgnoreErrors,
            _ => Quiesce::Required,
        }
    }
}

/// Why a snapshot was not begun.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuiesceError {
    #[error("a user of image {image} could not pause: {errno}")]
    Refused { image: Arc<str>, errno: Errno },
    #[error("a user of image {image} does not answer")]
    Silent { image: Arc<str> },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl QuiesceError {
    pub fn errno(&self) -> Errno {
        match self {
            QuiesceError::Refused { errno, .. } => *errno,
            QuiesceError::Silent { .. } => Errno::TIMEDOUT,
            QuiesceError::Store(error) => error.errno,
        }
    }
}

/// Users are paused, or were not asked.
#[derive(Debug)]
pub(crate) struct Paused<'a> {
    image: &'a Image,
    asked: Option<AsyncRequest>,
}

impl Paused<'_> {
    /// Lets the users go on.
    pub(crate) async fn resume(self) {
        let Some(request) = self.asked else { return };
        if let Err(error) = self.image.notify(&NotifyMessage::Unquiesce(request)).await {
            // They go on by themselves when they hear nothing.
            tracing::warn!(%error, "users of an image were not told to go on");
        }
    }
}

impl Image {
    /// Asks every user of the image to pause until [`Paused::resume`].
    pub(crate) async fn pause_users(&self, quiesce: Quiesce) -> Result<Paused<'_>, QuiesceError> {
        if quiesce == Quiesce::Skip {
            return Ok(Paused { image: self, asked: None });
        }
        let request = self.next_request();
        let paused = Paused { image: self, asked: Some(request) };
        match (self.ask_to_pause(request).await, quiesce) {
            (Ok(()), _) => Ok(paused),
            (Err(error), Quiesce::IgnoreErrors) => {
                tracing::warn!(%error, "not every user of an image pauses");
                Ok(paused)
            }
            (Err(error), _) => {
                paused.resume().await;
                Err(error)
            }
        }
    }

    async fn ask_to_pause(&self, request: AsyncRequest) -> Result<(), QuiesceError> {
        for _ in 0..ATTEMPTS {
            let outcome = match self.notify(&NotifyMessage::Quiesce(request)).await {
                Err(error) if error.errno == Errno::TIMEDOUT => continue,
                other => other?,
            };
            if let Some(errno) = refusal(&outcome) {
                return Err(QuiesceError::Refused { image: self.name(), errno });
            }
            if outcome.timeouts.is_empty() {
                return Ok(());
            }
        }
        Err(QuiesceError::Silent { image: self.name() })
    }
}

/// What the first user that cannot pause says.
fn refusal(outcome: &NotifyOutcome) -> Option<Errno> {
    let answers = outcome.acks.iter().filter(|(_, _, payload)| !payload.is_empty());
    answers
        .filter_map(|(_, _, payload)| NotifyResponse::from_bytes(payload).ok())
        .find_map(|response| result_of(response.result).err())
}
