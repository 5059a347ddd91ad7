//! The owner's side: running verbs that other clients asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use marcot_format::notify::{AsyncRequest, NotifyMessage};
use marcot_store::Errno;

use super::OwnerRequest;
use super::notify::number_of;
use super::served::{Known, Served};
use crate::image::Image;
use crate::progress::Progress;

/// The verbs, as far as an owner runs them for others. Implemented by `operation`, handed to
/// every image by its client: coordination knows no verb.
pub trait OwnerVerbs: Send + Sync {
    /// Runs `request` on an image whose lock this client holds.
    fn run<'a>(
        &'a self,
        image: &'a Arc<Image>,
        request: OwnerRequest,
        progress: &'a dyn Progress,
    ) -> BoxFuture<'a, Result<(), Errno>>;
}

/// Serves nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoVerbs;

impl OwnerVerbs for NoVerbs {
    fn run<'a>(
        &'a self,
        _image: &'a Arc<Image>,
        _request: OwnerRequest,
        _progress: &'a dyn Progress,
    ) -> BoxFuture<'a, Result<(), Errno>> {
        Box::pin(std::future::ready(Err(Errno::OPNOTSUPP)))
    }
}

impl Image {
    /// Runs a verb for another client in a task of its own. A request that comes again is not run
    /// again: who asks is told how it ended, now or when it has.
    pub(super) fn serve(self: &Arc<Self>, id: AsyncRequest, request: OwnerRequest) {
        let known = self.served().begin(id);
        let image = Arc::clone(self);
        match known {
            Known::New => self.client().env.spawn(Box::pin(async move {
                let asker = Asker { image: &image, id, percent: AtomicU64::new(0) };
                let verbs = Arc::clone(&image.client().shared.verbs);
                let result = number_of(verbs.run(&image, request, &asker).await);
                image.served().end(id, result);
                image.tell_end(id, result).await;
            })),
            Known::Running => {}
            Known::Ended(result) => {
                self.client().env.spawn(Box::pin(async move { image.tell_end(id, result).await }));
            }
        }
    }

    async fn tell_end(&self, request: AsyncRequest, result: i32) {
        let complete = NotifyMessage::AsyncComplete { request, result };
        if let Err(error) = self.notify(&complete).await {
            tracing::warn!(%error, "the end of a request was not told");
        }
    }

    fn served(&self) -> MutexGuard<'_, Served> {
        self.coordination().served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the client that asked how far its request is, at most once a percent.
struct Asker<'a> {
    image: &'a Image,
    id: AsyncRequest,
    percent: AtomicU64,
}

impl Progress for Asker<'_> {
    fn update(&self, done: u64, total: u64) {
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100);
        if self.percent.fetch_max(percent, Ordering::Relaxed) < percent {
            self.image.announce(NotifyMessage::AsyncProgress {
                request: self.id,
                offset: done,
                total,
            });
        }
    }
}
