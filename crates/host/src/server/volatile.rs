//! Sessions over an engine that keeps nothing across its death.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use marcot_store::session::{
    Answer, Change, ProcessMark, Session, Sessions, Stamp, unknown_session,
};
use marcot_store::watch::Watch;
use marcot_store::{ClientId, Errno, ObjectId, Result, Store, StoreError, WatchHandle};

/// Makes a session of each client that `client` gives. When the owner dies so do its clients, which
/// is all that an engine in memory could promise.
pub struct VolatileSessions<F>(pub F);

impl<F> fmt::Debug for VolatileSessions<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VolatileSessions")
    }
}

impl<F: Fn() -> Arc<dyn Store> + Send + Sync> Sessions for VolatileSessions<F> {
    fn client(&self) -> Arc<dyn Store> {
        (self.0)()
    }

    fn start(&self, _process: ProcessMark) -> Result<Arc<dyn Session>> {
        Ok(Arc::new(VolatileSession((self.0)())))
    }

    fn resume(&self, client: ClientId) -> Result<Arc<dyn Session>> {
        Err(unknown_session(client))
    }

    fn dormant(&self) -> Vec<(ClientId, ProcessMark)> {
        Vec::new()
    }

    fn end(&self, _client: ClientId) {}
}

/// A client of an engine without kept answers: numbers have no meaning, since nobody resumes.
struct VolatileSession(Arc<dyn Store>);

impl Session for VolatileSession {
    fn store(&self) -> &dyn Store {
        &*self.0
    }

    fn change(&self, _stamp: Stamp, change: Change) -> BoxFuture<'_, Result<Answer>> {
        change.run(&*self.0)
    }

    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        self.0.watch(object)
    }

    fn rewatch(&self, object: &ObjectId, _handle: WatchHandle) -> BoxFuture<'_, Result<Watch>> {
        let error = StoreError::new(Errno::NOTCONN, format!("watch {object} again"));
        Box::pin(async { Err(error) })
    }

    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        self.0.unwatch(object, handle)
    }
}
