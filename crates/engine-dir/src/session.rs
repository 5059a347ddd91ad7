//! Clients that outlive the process that serves them.
//!
//! The answer of a numbered change is logged in the record of the change, so that the next owner
//! knows it when the client asks again. Watches of sessions are logged too, and listed by the next
//! owner until they are registered again or their session ends. Nothing here is durable before the
//! next sync: what a power cut could lose has no living client.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{self, BoxFuture, FutureExt as _};
use marcot_store::checked::{self, Checked};
use marcot_store::session::{
    Answer, Change, ProcessMark, Session, Sessions, Stamp, unknown_session,
};
use marcot_store::watch::Watch;
use marcot_store::{
    ClientId, ClusterChange, Durability, ObjectId, PoolId, Result, SnapId, Store, StoreError,
    Version, WatchHandle, Watches, WriteOp,
};

use crate::client::{DirClient, address_of};
use crate::engine::{DirEngine, Shared};
use crate::layout::ClusterItem;

/// The sessions of an open store.
#[derive(Debug)]
pub(crate) struct DirSessions {
    engine: Arc<DirEngine>,
    /// Clients that this process serves.
    served: Mutex<BTreeSet<ClientId>>,
}

impl DirSessions {
    /// Takes over what earlier owners have left.
    pub(crate) fn new(engine: Arc<DirEngine>) -> DirSessions {
        restore_watches(&engine.shared);
        DirSessions { engine, served: Mutex::default() }
    }

    fn served(&self) -> MutexGuard<'_, BTreeSet<ClientId>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, client: ClientId) -> Arc<dyn Session> {
        self.served().insert(client);
        let engine = Arc::clone(&self.engine);
        let client = Arc::new(DirClient { engine, client, address: address_of(client) });
        Arc::new(DirSession { checked: Checked::new(Arc::clone(&client)), client })
    }
}

/// Lists the watches of earlier owners' clients, which nobody has registered again yet.
fn restore_watches(shared: &Shared) {
    let mut core = shared.core();
    let sessions = core.state.cluster.sessions.iter();
    let logged: Vec<_> = sessions
        .flat_map(|(client, session)| {
            session.watches.iter().map(|(handle, object)| (*client, *handle, object.clone()))
        })
        .filter(|(_, _, object)| core.state.cluster.pools.contains_key(&object.pool))
        .collect();
    let present: Vec<_> =
        logged.into_iter().filter(|(_, _, object)| core.head_exists(object).is_ok()).collect();
    drop(core);
    let mut watches = shared.watches();
    for (client, handle, object) in present {
        watches.add(&object, (client, address_of(client)), handle, None);
    }
}

impl Sessions for DirSessions {
    fn client(&self) -> Arc<dyn Store> {
        self.engine.client()
    }

    fn start(&self, process: ProcessMark) -> Result<Arc<dyn Session>> {
        let mut core = self.engine.shared.core();
        let client = core.new_client();
        core.commit_cluster(vec![ClusterItem::StartSession { client, process }])?;
        drop(core);
        Ok(self.serve(client))
    }

    fn resume(&self, client: ClientId) -> Result<Arc<dyn Session>> {
        if !self.engine.shared.core().state.cluster.sessions.contains_key(&client) {
            return Err(unknown_session(client));
        }
        Ok(self.serve(client))
    }

    fn dormant(&self) -> Vec<(ClientId, ProcessMark)> {
        let served = self.served();
        let core = self.engine.shared.core();
        let sessions = core.state.cluster.sessions.iter();
        let dormant = sessions.filter(|(client, _)| !served.contains(client));
        dormant.map(|(client, session)| (*client, session.process)).collect()
    }

    fn end(&self, client: ClientId) {
        self.served().remove(&client);
        let shared = &self.engine.shared;
        let mut core = shared.core();
        if core.state.cluster.sessions.contains_key(&client) {
            let ended = core.commit_cluster(vec![ClusterItem::EndSession { client }]);
            if let Err(error) = ended {
                // The next owner finds it dormant, and its process gone.
                tracing::debug!(%client, %error, "ending a session");
            }
        }
        drop(core);
        shared.watches().drop_clients(|id, _| id == client, None);
    }
}

/// One client in another process.
struct DirSession {
    client: Arc<DirClient>,
    checked: Checked<DirClient>,
}

fn ready<T: Send + 'static>(result: Result<T>) -> BoxFuture<'static, Result<T>> {
    future::ready(result).boxed()
}

impl DirSession {
    fn kept(&self, stamp: Stamp) -> Option<Answer> {
        let core = self.client.shared().core();
        let session = core.state.cluster.sessions.get(&self.client.client)?;
        session.answers.get(&stamp.number).copied()
    }

    /// What is logged beside a change.
    fn answered(&self, stamp: Stamp, answer: Answer) -> ClusterItem {
        let Stamp { number, answered_below } = stamp;
        ClusterItem::Answered { client: self.client.client, number, answered_below, answer }
    }

    /// The answer once everything so far is durable.
    fn when_durable(&self, answer: Answer) -> BoxFuture<'static, Result<Answer>> {
        let durable = self.client.durable();
        async move { durable.await.map(|()| answer) }.boxed()
    }

    fn write(
        &self,
        stamp: Stamp,
        object: &ObjectId,
        op: &WriteOp,
    ) -> BoxFuture<'static, Result<Answer>> {
        if let Err(errno) = checked::object(object).and_then(|()| checked::write(object, op)) {
            return ready(Err(StoreError::new(errno, format!("write {object}"))));
        }
        // The version is the record's own number, which applying it fills in.
        let answered = self.answered(stamp, Answer::Version(Version(0)));
        let written = match self.client.write_now(object, op, vec![answered]) {
            Ok(written) => written,
            Err(error) => return ready(Err(error)),
        };
        let answer = Answer::Version(written.version);
        if op.durability == Durability::Ordered {
            return ready(Ok(answer));
        }
        self.when_durable(answer)
    }

    fn create_snap_id(&self, stamp: Stamp, pool: PoolId) -> Result<Answer> {
        let mut core = self.client.shared().core();
        let (snap, item) = core.plan_snap_id(pool)?;
        let answer = Answer::SnapId(snap);
        core.commit_cluster(vec![item, self.answered(stamp, answer)])?;
        Ok(answer)
    }

    fn remove_snap_id(&self, stamp: Stamp, pool: PoolId, snap: SnapId) -> Result<Answer> {
        let mut core = self.client.shared().core();
        if let Some(item) = core.plan_snap_removal(pool, snap)? {
            core.commit_cluster(vec![item, self.answered(stamp, Answer::Done)])?;
        }
        Ok(Answer::Done)
    }

    fn administer(&self, stamp: Stamp, change: ClusterChange) -> Result<Answer> {
        checked::change(&change)
            .map_err(|errno| StoreError::new(errno, "change the store".to_owned()))?;
        let mut core = self.client.shared().core();
        let item = core.plan_change(change)?;
        core.commit_cluster(vec![item.clone(), self.answered(stamp, Answer::Done)])?;
        drop(core);
        self.client.settle_watches(&item);
        Ok(Answer::Done)
    }

    /// Logs what a later owner is to know of a watch.
    fn log(&self, item: ClusterItem) -> Result<()> {
        self.client.shared().core().commit_cluster(vec![item]).map(drop)
    }

    fn is_logged(&self, handle: WatchHandle) -> bool {
        let core = self.client.shared().core();
        let session = core.state.cluster.sessions.get(&self.client.client);
        session.is_some_and(|session| session.watches.contains_key(&handle))
    }

    fn registered(&self, object: &ObjectId, watch: Watch) -> Result<Watch> {
        let (client, handle) = (self.client.client, watch.handle);
        self.log(ClusterItem::Watch { client, handle, object: object.clone() })?;
        Ok(watch)
    }
}

impl Session for DirSession {
    fn store(&self) -> &dyn Store {
        &self.checked
    }

    fn change(&self, stamp: Stamp, change: Change) -> BoxFuture<'_, Result<Answer>> {
        if let Some(answer) = self.kept(stamp) {
            // The owner that made the change may not have lived to make it durable.
            return self.when_durable(answer);
        }
        let made = match change {
            Change::Write { object, op } => return self.write(stamp, &object, &op),
            Change::CreateSnapId { pool } => return ready(self.create_snap_id(stamp, pool)),
            Change::RemoveSnapId { pool, snap } => {
                return ready(self.remove_snap_id(stamp, pool, snap));
            }
            Change::Administer(change) => self.administer(stamp, change),
        };
        match made {
            Ok(answer) => self.when_durable(answer),
            Err(error) => ready(Err(error)),
        }
    }

    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        let (watching, object) = (self.checked.watch(object), object.clone());
        async move { self.registered(&object, watching.await?) }.boxed()
    }

    fn rewatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<Watch>> {
        if let Err(errno) = checked::object(object) {
            return ready(Err(StoreError::new(errno, format!("watch {object}"))));
        }
        let watching = self.client.watch_as(object, Some(handle));
        ready(watching.and_then(|watch| self.registered(object, watch)))
    }

    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        let (ending, object) = (self.checked.unwatch(object, handle), object.clone());
        async move {
            // Also when the watch was lost with its object.
            let ended = ending.await;
            let client = self.client.client;
            if self.is_logged(handle) {
                self.log(ClusterItem::Unwatch { client, handle, object })?;
            }
            ended
        }
        .boxed()
    }
}
