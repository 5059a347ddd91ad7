//! A request's pieces, one an object, worked on together.

use std::future::Future;

use futures_util::stream::{self, StreamExt};

use super::IoError;

/// How many objects of one request are worked on at once.
const AT_ONCE: usize = 64;

/// Runs `work` on every piece and waits for all of them, whatever happens to one; then yields
/// the first error.
pub(super) async fn for_each_piece<P, F>(
    pieces: impl Iterator<Item = P>,
    work: impl FnMut(P) -> F,
) -> Result<(), IoError>
where
    F: Future<Output = Result<(), IoError>>,
{
    let mut running = stream::iter(pieces).map(work).buffer_unordered(AT_ONCE);
    let mut outcome = Ok(());
    while let Some(result) = running.next().await {
        outcome = outcome.and(result);
    }
    outcome
}

/// As [`for_each_piece`], handing each result to `take` as it comes.
pub(super) async fn collect_pieces<P, T, E, F>(
    pieces: impl Iterator<Item = P>,
    work: impl FnMut(P) -> F,
    mut take: impl FnMut(T),
) -> Result<(), E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut running = stream::iter(pieces).map(work).buffer_unordered(AT_ONCE);
    let mut outcome = Ok(());
    while let Some(result) = running.next().await {
        match result {
            Ok(value) => take(value),
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    outcome
}
