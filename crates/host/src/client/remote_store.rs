//! The store traits, each method as one request.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::future::BoxFuture;
use marcot_store::session::{Answer, Change};
use marcot_store::watch::{Acknowledgement, NotifyOutcome, Watch, Watcher};
use marcot_store::{
    Capabilities, ClientAddress, ClientId, Cluster, ClusterChange, ClusterStatus, Errno, ListQuery,
    ObjectId, ObjectPage, Objects, PoolId, PoolInfo, ReadOp, ReadResult, Result, SnapId, SnapSet,
    Snapshots, Store, StoreError, Version, WatchHandle, Watches, WriteOp,
};

use super::Patience;
use super::dial::{DialError, Greeted};
use super::find::{FindError, FindOwner};
use super::link::{Shared, Submission, Waiting};
use super::reader::Reader;
use super::table::{Outcome, Purpose};
use crate::protocol::reply::Reply;
use crate::protocol::request::Request;

/// One client of a store that another process owns. Dropping it ends the client.
pub struct RemoteStore {
    shared: Arc<Shared>,
    client: ClientId,
    address: ClientAddress,
    capabilities: Capabilities,
    owner: u32,
}

impl RemoteStore {
    /// Finds the owner and becomes its client.
    pub fn connect(
        finder: Arc<dyn FindOwner>,
        patience: Patience,
    ) -> Result<Arc<RemoteStore>, FindError> {
        let greeted = finder.find(None)?;
        RemoteStore::greeted(greeted, finder, patience)
    }

    /// Becomes a client of an owner that has been found; `finder` finds the ones after it.
    pub fn greeted(
        greeted: Greeted,
        finder: Arc<dyn FindOwner>,
        patience: Patience,
    ) -> Result<Arc<RemoteStore>, FindError> {
        Reader::prepare(&greeted, &patience).map_err(DialError::Io)?;
        let Greeted { stream, client, address, capabilities, pid: owner, decoder } = greeted;
        let stream = Arc::new(stream);
        let shared = Arc::new(Shared::new(Arc::clone(&stream)));
        let reader = Reader { shared: Arc::clone(&shared), finder, client, patience };
        thread::Builder::new()
            .name("marcot-remote".to_owned())
            .spawn(move || reader.run(stream, decoder, owner))
            .map_err(DialError::Io)?;
        Ok(Arc::new(RemoteStore { shared, client, address, capabilities, owner }))
    }

    /// The process that owned the store when this client came to it.
    pub fn owner(&self) -> u32 {
        self.owner
    }

    pub(super) fn submit(&self, submission: Submission) -> (u64, Waiting) {
        self.shared.submit(submission)
    }

    /// Sends now, and yields what `pick` makes of the reply.
    fn ask<T: Send + 'static>(
        &self,
        request: Request,
        pick: fn(Reply) -> Option<T>,
    ) -> BoxFuture<'_, Result<T>> {
        let outcome = self.send(request, Purpose::Plain);
        Box::pin(async move {
            match outcome.await? {
                Outcome::Reply(reply) => pick(reply).ok_or_else(unfit),
                Outcome::Watch(_) | Outcome::Job(..) => Err(unfit()),
            }
        })
    }

    fn change(&self, change: Change) -> BoxFuture<'_, Result<Answer>> {
        self.ask(Request::Change(change), |reply| match reply {
            Reply::Changed(answer) => Some(answer),
            _ => None,
        })
    }

    fn change_done(&self, change: Change) -> BoxFuture<'_, Result<()>> {
        let answer = self.change(change);
        Box::pin(async move {
            match answer.await? {
                Answer::Done => Ok(()),
                Answer::Version(_) | Answer::SnapId(_) => Err(unfit()),
            }
        })
    }

    fn send(
        &self,
        request: Request,
        purpose: Purpose,
    ) -> impl Future<Output = Result<Outcome>> + Send + use<> {
        let (_, waiting) = self.submit(Submission { request, purpose, files: Vec::new() });
        async move {
            waiting.await.unwrap_or_else(|oneshot::Canceled| {
                Err(StoreError::new(Errno::NOTCONN, "ask the store's owner"))
            })
        }
    }
}

/// A reply of another kind than the request.
fn unfit() -> StoreError {
    StoreError::new(Errno::BADMSG, "understand the store's owner")
}

fn done(reply: Reply) -> Option<()> {
    matches!(reply, Reply::Done).then_some(())
}

/// Takes the one variant a request is answered with.
macro_rules! expect {
    ($variant:ident) => {
        |reply| match reply {
            Reply::$variant(value) => Some(value),
            _ => None,
        }
    };
}

impl Objects for RemoteStore {
    fn read(
        &self,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'_, Result<Vec<ReadResult>>> {
        self.ask(Request::Read { object: object.clone(), snap, op }, expect!(Read))
    }

    fn write(&self, object: &ObjectId, op: WriteOp) -> BoxFuture<'_, Result<Version>> {
        let answer = self.change(Change::Write { object: object.clone(), op });
        Box::pin(async move {
            match answer.await? {
                Answer::Version(version) => Ok(version),
                Answer::SnapId(_) | Answer::Done => Err(unfit()),
            }
        })
    }

    fn flush(&self) -> BoxFuture<'_, Result<()>> {
        self.ask(Request::Flush, done)
    }

    fn list_objects(&self, query: ListQuery) -> BoxFuture<'_, Result<ObjectPage>> {
        self.ask(Request::ListObjects(query), expect!(Objects))
    }

    fn list_snaps(&self, object: &ObjectId) -> BoxFuture<'_, Result<SnapSet>> {
        self.ask(Request::ListSnaps(object.clone()), expect!(Snaps))
    }
}

impl Snapshots for RemoteStore {
    fn create_snap_id(&self, pool: PoolId) -> BoxFuture<'_, Result<SnapId>> {
        let answer = self.change(Change::CreateSnapId { pool });
        Box::pin(async move {
            match answer.await? {
                Answer::SnapId(snap) => Ok(snap),
                Answer::Version(_) | Answer::Done => Err(unfit()),
            }
        })
    }

    fn remove_snap_id(&self, pool: PoolId, snap: SnapId) -> BoxFuture<'_, Result<()>> {
        self.change_done(Change::RemoveSnapId { pool, snap })
    }
}

impl Watches for RemoteStore {
    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        let outcome = self.send(Request::Watch(object.clone()), Purpose::Watch(object.clone()));
        Box::pin(async move {
            match outcome.await? {
                Outcome::Watch(watch) => Ok(watch),
                Outcome::Reply(_) | Outcome::Job(..) => Err(unfit()),
            }
        })
    }

    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        let request = Request::Unwatch { object: object.clone(), handle };
        let outcome = self.send(request, Purpose::Unwatch(handle));
        Box::pin(async move { outcome.await.map(drop) })
    }

    fn notify(
        &self,
        object: &ObjectId,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<NotifyOutcome>> {
        let timeout_milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let request = Request::Notify { object: object.clone(), payload, timeout_milliseconds };
        self.ask(request, expect!(Notified))
    }

    fn acknowledge(&self, ack: Acknowledgement) -> BoxFuture<'_, Result<()>> {
        self.ask(Request::Acknowledge(ack), done)
    }

    fn list_watchers(&self, object: &ObjectId) -> BoxFuture<'_, Result<Vec<Watcher>>> {
        self.ask(Request::ListWatchers(object.clone()), expect!(Watchers))
    }
}

impl Cluster for RemoteStore {
    fn list_pools(&self) -> BoxFuture<'_, Result<Vec<PoolInfo>>> {
        self.ask(Request::ListPools, expect!(Pools))
    }

    fn administer(&self, change: ClusterChange) -> BoxFuture<'_, Result<()>> {
        self.change_done(Change::Administer(change))
    }

    fn config_key(&self, key: &str) -> BoxFuture<'_, Result<Bytes>> {
        self.ask(Request::ConfigKey(key.to_owned()), expect!(ConfigKey))
    }

    fn list_config_keys(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.ask(Request::ListConfigKeys, expect!(ConfigKeys))
    }

    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus>> {
        self.ask(Request::Status, expect!(Status))
    }
}

impl Store for RemoteStore {
    fn client_id(&self) -> ClientId {
        self.client
    }

    fn client_address(&self) -> ClientAddress {
        self.address.clone()
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }
}

impl Drop for RemoteStore {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl fmt::Debug for RemoteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = self.owner;
        f.debug_struct("RemoteStore")
            .field("client", &self.client)
            .field("owner", &owner)
            .finish_non_exhaustive()
    }
}
