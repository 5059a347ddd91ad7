//! One request, turned into the engine's call.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use marcot_store::session::{Session, Stamp};
use marcot_store::watch::Watch;
use marcot_store::{Errno, ReadStep, StoreError};

use crate::protocol::reply::Reply;
use crate::protocol::request::Request;

/// Longest that a notifier may make its owner wait.
const LONGEST_NOTIFY: Duration = Duration::from_secs(600);
/// Credit that a request holds beside the bytes in it.
const OVERHEAD: u64 = 1024;

/// What the engine yields.
pub(super) struct Done {
    pub(super) reply: Result<Reply, StoreError>,
    /// Events to be passed on after the reply.
    pub(super) watch: Option<Watch>,
}

/// Bytes that a request and its answer hold at most, as far as the request tells.
pub(super) fn cost(request: &Request, frame_length: usize) -> u64 {
    let answer = match request {
        Request::Read { op, .. } => op.steps.iter().fold(0, |sum: u64, step| {
            sum.saturating_add(match step {
                ReadStep::Read { length, .. } | ReadStep::SparseRead { length, .. } => *length,
                // At most every other block of 4 KiB, at 16 bytes each.
                ReadStep::Stored { length, .. } => OVERHEAD.saturating_add(*length / 512),
                _ => OVERHEAD,
            })
        }),
        _ => 0,
    };
    answer.saturating_add(frame_length as u64).saturating_add(OVERHEAD)
}

/// Calls the engine. The call itself is made at the first poll.
pub(super) fn dispatch(
    session: Arc<dyn Session>,
    stamp: Stamp,
    request: Request,
) -> BoxFuture<'static, Done> {
    Box::pin(async move {
        match request {
            Request::Watch(object) => watching(session.watch(&object).await),
            Request::Rewatch { object, handle } => watching(session.rewatch(&object, handle).await),
            request => Done { reply: plain(&*session, stamp, request).await, watch: None },
        }
    })
}

fn watching(result: Result<Watch, StoreError>) -> Done {
    match result {
        Ok(watch) => Done { reply: Ok(Reply::Watching(watch.handle)), watch: Some(watch) },
        Err(error) => Done { reply: Err(error), watch: None },
    }
}

async fn plain(session: &dyn Session, stamp: Stamp, request: Request) -> Result<Reply, StoreError> {
    let store = session.store();
    match request {
        Request::Read { object, snap, op } => store.read(&object, snap, op).await.map(Reply::Read),
        Request::Change(change) => session.change(stamp, change).await.map(Reply::Changed),
        Request::Flush => store.flush().await.map(|()| Reply::Done),
        Request::ListObjects(query) => store.list_objects(query).await.map(Reply::Objects),
        Request::ListSnaps(object) => store.list_snaps(&object).await.map(Reply::Snaps),
        Request::Unwatch { object, handle } => {
            session.unwatch(&object, handle).await.map(|()| Reply::Done)
        }
        Request::Notify { object, payload, timeout_milliseconds } => {
            let timeout = Duration::from_millis(timeout_milliseconds).min(LONGEST_NOTIFY);
            store.notify(&object, payload, timeout).await.map(Reply::Notified)
        }
        Request::Acknowledge(ack) => store.acknowledge(ack).await.map(|()| Reply::Done),
        Request::ListWatchers(object) => store.list_watchers(&object).await.map(Reply::Watchers),
        Request::ListPools => store.list_pools().await.map(Reply::Pools),
        Request::ConfigKey(key) => store.config_key(&key).await.map(Reply::ConfigKey),
        Request::ListConfigKeys => store.list_config_keys().await.map(Reply::ConfigKeys),
        Request::Status => store.status().await.map(Reply::Status),
        // The connection keeps these for itself.
        Request::Watch(_)
        | Request::Rewatch { .. }
        | Request::StartJob { .. }
        | Request::StopJob(_) => Err(StoreError::new(Errno::INVAL, "dispatch a request")),
    }
}
