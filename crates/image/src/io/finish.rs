//! A request that was begun comes to its end, whether or not somebody waits for it: half a write
//! must not be left behind with the gates open.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use marcot_store::Env;

use crate::image::Image;

/// Work that goes on in a task of its own once it is dropped, if it was begun.
struct Finish<T: Send + 'static> {
    env: Arc<dyn Env>,
    work: Option<BoxFuture<'static, T>>,
    begun: bool,
}

impl<T: Send + 'static> Future for Finish<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        this.begun = true;
        let work = this.work.as_mut().expect("not polled after its end");
        let outcome = work.as_mut().poll(context);
        if outcome.is_ready() {
            this.work = None;
        }
        outcome
    }
}

impl<T: Send + 'static> Drop for Finish<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take().filter(|_| self.begun) {
            self.env.spawn(Box::pin(async move {
                work.await;
            }));
        }
    }
}

impl Image {
    /// Runs a request that changes the image, to its end.
    pub(super) fn finish<T, F>(
        &self,
        request: impl FnOnce(Arc<Image>) -> F,
    ) -> impl Future<Output = T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let image = self.handle().expect("who asks holds the image");
        let env = Arc::clone(&self.client().env);
        Finish { env, work: Some(Box::pin(request(image))), begun: false }
    }
}
