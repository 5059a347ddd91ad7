//! One client: each trait of the contract, translated to what [`State`] does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::{mpsc, oneshot};
use futures_util::future::{self, BoxFuture, FutureExt};

use super::Shared;
use super::context::Caller;
use super::schedule::Deferred;
use super::state::{Identity, State, failed};
use crate::watch::{Acknowledgement, NotifyOutcome, Watch, Watcher};
use crate::{
    Capabilities, ClientAddress, ClientId, Cluster, ClusterChange, ClusterStatus, Copyups, Errno,
    ListQuery, ObjectId, ObjectPage, Objects, PoolId, PoolInfo, ReadOp, ReadResult, Result,
    SnapContext, SnapId, SnapSet, Snapshots, Store, StoreError, Version, WatchHandle, Watches,
    WriteOp,
};

pub(super) struct MemoryClient {
    pub(super) shared: Arc<Shared>,
    pub(super) who: Identity,
}

impl Drop for MemoryClient {
    fn drop(&mut self) {
        let client = self.who.client;
        self.shared.state().watches.drop_clients(|id, _| id == client, None);
    }
}

impl MemoryClient {
    /// Runs `work` in the order of its object: at once, or when the schedule says.
    fn submit<T: Send + 'static>(
        &self,
        verb: &'static str,
        object: &ObjectId,
        work: impl FnOnce(&mut State, &ObjectId) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T>> {
        let (who, target) = (self.who.clone(), object.clone());
        let admitted = move |state: &mut State| {
            state.admit(&who).map_err(failed(verb, &target))?;
            work(state, &target)
        };
        let Some(schedule) = &self.shared.schedule else {
            return future::ready(admitted(&mut self.shared.state())).boxed();
        };
        let (sender, answer) = oneshot::channel();
        let task = Box::new(move |state: &mut State| {
            let _ = sender.send(admitted(state));
        });
        schedule.push(object.clone(), task);
        Deferred { shared: self.shared.clone(), answer, polled: false }.boxed()
    }

    /// Runs `work` now.
    fn at_once<T: Send + 'static>(
        &self,
        context: impl FnOnce() -> String,
        work: impl FnOnce(&mut State) -> Result<T, Errno>,
    ) -> BoxFuture<'static, Result<T>> {
        let mut state = self.shared.state();
        let answer = state.admit(&self.who).and_then(|()| work(&mut state));
        future::ready(answer.map_err(|errno| StoreError::new(errno, context()))).boxed()
    }

    fn caller(&self, snap_context: SnapContext) -> Caller {
        Caller {
            client: self.who.client,
            address: self.who.address.clone(),
            watchers: Vec::new(),
            now: self.shared.env.now(),
            snap_context,
            omap_page: self.shared.state().options.omap_page,
        }
    }
}

impl Objects for MemoryClient {
    fn read(
        &self,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'_, Result<Vec<ReadResult>>> {
        let mut caller = self.caller(SnapContext::default());
        self.submit("read", object, move |state, object| {
            caller.watchers = state.watches.who(object);
            state.read(object, snap, op, &caller).map_err(|f| f.into_error("read", object))
        })
    }

    fn write(&self, object: &ObjectId, op: WriteOp) -> BoxFuture<'_, Result<Version>> {
        let mut caller = self.caller(op.snap_context.clone());
        self.submit("write", object, move |state, object| {
            caller.watchers = state.watches.who(object);
            state.write(object, op, &caller).map_err(|f| f.into_error("write", object))
        })
    }

    fn flush(&self) -> BoxFuture<'_, Result<()>> {
        while self.shared.schedule.as_ref().is_some_and(|s| s.run_one(&self.shared)) {}
        self.at_once(|| "flush".to_owned(), |_| Ok(()))
    }

    fn list_objects(&self, query: ListQuery) -> BoxFuture<'_, Result<ObjectPage>> {
        let context = || format!("list the objects of pool {}", query.pool.0);
        self.at_once(context, |state| state.list_objects(&query))
    }

    fn list_snaps(&self, object: &ObjectId) -> BoxFuture<'_, Result<SnapSet>> {
        self.submit("list snapshots of", object, |state, object| {
            state.list_snaps(object).map_err(failed("list snapshots of", object))
        })
    }
}

impl Snapshots for MemoryClient {
    fn create_snap_id(&self, pool: PoolId) -> BoxFuture<'_, Result<SnapId>> {
        let context = || format!("create a snapshot id in pool {}", pool.0);
        self.at_once(context, |state| state.create_snap_id(pool))
    }

    fn remove_snap_id(&self, pool: PoolId, snap: SnapId) -> BoxFuture<'_, Result<()>> {
        let context = || format!("remove snapshot id {} of pool {}", snap.0, pool.0);
        self.at_once(context, |state| state.remove_snap_id(pool, snap))
    }
}

impl Watches for MemoryClient {
    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        let who = self.who.clone();
        self.submit("watch", object, move |state, object| {
            state.head_exists(object).map_err(failed("watch", object))?;
            let (sender, events) = mpsc::unbounded();
            let handle = state.watches.new_handle();
            state.watches.add(object, (who.client, who.address), handle, Some(sender));
            Ok(Watch { handle, events })
        })
    }

    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        let key = (self.who.client, handle);
        self.submit("unwatch", object, move |state, object| {
            state.watches.remove(object, key).map_err(failed("unwatch", object))
        })
    }

    fn notify(
        &self,
        object: &ObjectId,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<NotifyOutcome>> {
        let (client, shared) = (self.who.client, self.shared.clone());
        let sent = self.submit("notify", object, move |state, object| {
            state.head_exists(object).map_err(failed("notify", object))?;
            Ok(state.watches.notify(object, client, &payload))
        });
        async move {
            let (id, answered) = sent.await?;
            future::select(answered, shared.env.sleep(timeout)).await;
            Ok(shared.state().watches.finish(id))
        }
        .boxed()
    }

    fn acknowledge(&self, ack: Acknowledgement) -> BoxFuture<'_, Result<()>> {
        let client = self.who.client;
        let context = || format!("acknowledge a notification on {}", ack.object);
        let answer = ack.clone();
        self.at_once(context, |state| {
            state.watches.acknowledge(client, answer);
            Ok(())
        })
    }

    fn list_watchers(&self, object: &ObjectId) -> BoxFuture<'_, Result<Vec<Watcher>>> {
        self.submit("list watchers of", object, |state, object| {
            state.head_exists(object).map_err(failed("list watchers of", object))?;
            Ok(state.watches.list(object))
        })
    }
}

/// Not refused to blocklisted clients: these calls go to the monitors.
impl Cluster for MemoryClient {
    fn list_pools(&self) -> BoxFuture<'_, Result<Vec<PoolInfo>>> {
        future::ready(Ok(self.shared.state().list_pools())).boxed()
    }

    fn administer(&self, change: ClusterChange) -> BoxFuture<'_, Result<()>> {
        future::ready(self.shared.state().administer(change)).boxed()
    }

    fn config_key(&self, key: &str) -> BoxFuture<'_, Result<Bytes>> {
        let found = self.shared.state().config_keys.get(key).cloned();
        let missing = || StoreError::new(Errno::NOENT, format!("read config key {key}"));
        future::ready(found.ok_or_else(missing)).boxed()
    }

    fn list_config_keys(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        future::ready(Ok(self.shared.state().config_keys.keys().cloned().collect())).boxed()
    }

    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus>> {
        future::ready(Ok(self.shared.state().status())).boxed()
    }
}

impl Store for MemoryClient {
    fn client_id(&self) -> ClientId {
        self.who.client
    }

    fn client_address(&self) -> ClientAddress {
        self.who.address.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            copyup: match self.shared.state().options.copyup_by_reference {
                true => Copyups::ByReference,
                false => Copyups::Refused,
            },
            discard_granularity_bytes: super::data::BLOCK,
        }
    }
}
