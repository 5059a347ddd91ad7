//! How verbs go through many objects.

use std::future::Future;

use futures_util::stream::{self, StreamExt};

use crate::progress::Progress;

/// A way through objects, some of which are worked on at once.
pub(crate) struct Visit<'a> {
    pub(crate) at_once: usize,
    /// How many there are, for the progress.
    pub(crate) count: u64,
    pub(crate) progress: &'a dyn Progress,
}

impl Visit<'_> {
    /// Does `work` for each. What was begun is waited for, and the others are tried, whatever fails;
    /// the first failure is told.
    pub(crate) async fn each<T, E, F>(
        &self,
        objects: impl Iterator<Item = T>,
        work: impl FnMut(T) -> F,
    ) -> Result<(), E>
    where
        F: Future<Output = Result<(), E>>,
    {
        let mut running = stream::iter(objects).map(work).buffer_unordered(self.at_once);
        let (mut outcome, mut done) = (Ok(()), 0);
        while let Some(result) = running.next().await {
            outcome = outcome.and(result);
            done += 1;
            self.progress.update(done, self.count);
        }
        outcome
    }
}
