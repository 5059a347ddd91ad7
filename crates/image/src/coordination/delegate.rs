//! Running a verb where the lock is: here when it can be had, else at its owner.

use std::future::Future;
use std::sync::PoisonError;
use std::time::Duration;

use futures_channel::mpsc::{UnboundedReceiver, unbounded};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use marcot_format::notify::AsyncRequest;
use marcot_store::Errno;

use super::exclusive_lock::WhileOwned;
use super::notify::owner_answer;
use super::{LockError, OwnerRequest};
use crate::image::Image;
use crate::progress::Progress;

/// After so long without news the request is sent again: an owner that lives knows it by its id,
/// and one that died has an heir.
const SILENCE: Duration = Duration::from_secs(3);

/// What the owner said about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    Progress { done: u64, total: u64 },
    Complete(Result<(), Errno>),
}

/// Why a verb did not run where the lock is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelegateError {
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The owner tried and failed.
    #[error("the client that has the lock answered: {0}")]
    Owner(Errno),
}

impl DelegateError {
    pub fn errno(&self) -> Errno {
        match self {
            DelegateError::Lock(error) => error.errno_of_verb(),
            DelegateError::Owner(errno) => *errno,
        }
    }
}

/// How one attempt to have the owner run a verb ended.
enum Asked {
    Done(Result<(), Errno>),
    /// There is no owner any more.
    NoOwner,
}

impl Image {
    /// Runs `local` while this handle keeps the exclusive lock, or, when a living client has it,
    /// asks that one for `request`. Images without the feature just run `local`.
    ///
    /// `local` must not call this again: giving the lock back waits for it.
    pub(crate) async fn as_owner<E, F>(
        &self,
        request: OwnerRequest,
        progress: &dyn Progress,
        local: impl FnOnce() -> F,
    ) -> Result<(), E>
    where
        E: From<DelegateError>,
        F: Future<Output = Result<(), E>>,
    {
        loop {
            let held = self.hold_lock(WhileOwned::Leave).await.map_err(DelegateError::from)?;
            if let Some(_held) = held {
                return local().await;
            }
            if let Asked::Done(result) = self.ask_owner(request.clone(), progress).await? {
                result.map_err(DelegateError::Owner)?;
                let refreshed = self.refresh_if_stale().await.map_err(LockError::from);
                return refreshed.map_err(|error| DelegateError::from(error).into());
            }
        }
    }

    /// Passes news on to the task that asked.
    pub(super) fn tell_asker(&self, request: AsyncRequest, news: News) {
        let asked = self.coordination().asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asker) = asked.get(&request) {
            // An asker that is gone needs no news.
            let _ = asker.unbounded_send(news);
        }
    }

    async fn ask_owner(
        &self,
        request: OwnerRequest,
        progress: &dyn Progress,
    ) -> Result<Asked, DelegateError> {
        let id = self.next_request();
        let (sender, mut news) = unbounded();
        let asked = &self.coordination().asked;
        asked.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        let result = self.ask_until_done(id, request, progress, &mut news).await;
        asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        // Whatever it was, it changed the header; the owner's word for it may still be on its way.
        self.note_header_change();
        result
    }

    async fn ask_until_done(
        &self,
        id: AsyncRequest,
        request: OwnerRequest,
        progress: &dyn Progress,
        news: &mut UnboundedReceiver<News>,
    ) -> Result<Asked, DelegateError> {
        loop {
            match self.notify(&request.clone().message(id)).await {
                Ok(outcome) => match owner_answer(&outcome) {
                    None if outcome.timeouts.is_empty() => return Ok(Asked::NoOwner),
                    None => continue,
                    Some(Err(errno)) => return Ok(Asked::Done(Err(errno))),
                    Some(Ok(())) => {}
                },
                Err(error) if error.errno == Errno::TIMEDOUT => continue,
                Err(error) => return Err(LockError::from(error).into()),
            }
            loop {
                match select(news.next(), self.client().env.sleep(SILENCE)).await {
                    Either::Left((Some(News::Progress { done, total }), _)) => {
                        progress.update(done, total);
                    }
                    Either::Left((Some(News::Complete(result)), _)) => {
                        return Ok(Asked::Done(result));
                    }
                    Either::Left((None, _)) | Either::Right(_) => break,
                }
            }
        }
    }
}
