//! One client of an open store: each trait of the contract, translated to what the core does.

use std::iter::once;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::{mpsc, oneshot};
use futures_util::future::{self, BoxFuture, FutureExt as _};
use marcot_store::checked::Checked;
use marcot_store::watch::{Acknowledgement, NotifyOutcome, Watch, Watcher};
use marcot_store::{
    Capabilities, ClientAddress, ClientId, Cluster, ClusterChange, ClusterStatus, Copyups,
    Durability, Errno, ListQuery, ObjectId, ObjectPage, Objects, PoolId, PoolInfo, ReadOp,
    ReadResult, Result, SnapId, SnapSet, Snapshots, Store, StoreError, Version, WatchHandle,
    Watches, WriteOp,
};

use crate::core::{Core, WriteRequest, Written, finish_read};
use crate::engine::{DirEngine, Shared, Threads};
use crate::layout::ClusterItem;
use crate::operation::{Caller, Failure, ReadFailure, Wait};
use crate::units::BLOCK_BYTES;

/// A client without the checks of the border.
pub(crate) struct DirClient {
    pub engine: Arc<DirEngine>,
    pub client: ClientId,
    pub address: ClientAddress,
}

/// The address that goes with a client id.
pub(crate) fn address_of(client: ClientId) -> ClientAddress {
    ClientAddress(format!("127.0.0.1:0/{}", 1_000_000 + client.0.wrapping_mul(7919) % (1 << 31)))
}

impl Drop for DirClient {
    fn drop(&mut self) {
        let client = self.client;
        self.shared().watches().drop_clients(|id, _| id == client, None);
    }
}

fn ready<T: Send + 'static>(result: Result<T>) -> BoxFuture<'static, Result<T>> {
    future::ready(result).boxed()
}

impl DirClient {
    pub(crate) fn new(engine: Arc<DirEngine>) -> DirClient {
        let client = engine.shared.core().new_client();
        DirClient { engine, client, address: address_of(client) }
    }

    pub(crate) fn checked(self) -> Arc<dyn Store> {
        Arc::new(Checked::new(Arc::new(self)))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.engine.shared
    }

    /// Who calls; `called` is the object, if methods are to run on it.
    fn caller(&self, called: Option<&ObjectId>) -> Caller {
        let now = self.shared().env.now();
        let watchers = called.map(|object| self.shared().watches().who(object));
        let watchers = watchers.unwrap_or_default();
        Caller { client: self.client, address: self.address.clone(), now, watchers }
    }

    /// Resolves when everything written so far is durable.
    pub(crate) fn durable(&self) -> BoxFuture<'static, Result<()>> {
        let shared = self.shared();
        if shared.options.threads == Threads::None {
            return ready(shared.sync_now());
        }
        let synced = shared.flushed();
        let gone = || Err(StoreError::new(Errno::IO, "flush (the store was closed)"));
        async move { synced.await.unwrap_or_else(|_| gone()) }.boxed()
    }

    /// Runs a write; `cluster` is logged with it.
    pub(crate) fn write_now(
        &self,
        id: &ObjectId,
        op: &WriteOp,
        cluster: Vec<ClusterItem>,
    ) -> Result<Written> {
        let (shared, caller) = (self.shared(), self.caller(op.runs_methods().then_some(id)));
        let watched = shared.watches().is_watched(id);
        let request =
            || WriteRequest { id, op, caller: &caller, watched, cluster: cluster.clone() };
        let mut core = shared.core_holding(once(id).chain(op.sources()));
        let mut written = core.write(request());
        let mut after = core.after_write();
        drop(core);
        if matches!(&written, Err(error) if error.errno == Errno::NOSPC) && shared.make_room() {
            let mut core = shared.core();
            written = core.write(request());
            after = core.after_write();
        }
        let written = written?;
        if written.removed {
            shared.watches().object_removed(id);
        }
        shared.after_write(after);
        Ok(written)
    }

    /// Logs changes beside objects, and resolves when they are durable.
    pub(crate) fn commit(&self, items: Vec<ClusterItem>) -> BoxFuture<'static, Result<()>> {
        match self.in_order(|core| core.commit_cluster(items)) {
            Ok(_) => self.durable(),
            Err(error) => ready(Err(error)),
        }
    }

    /// Makes a change that is durable with what comes after it.
    fn in_order<T>(&self, change: impl FnOnce(&mut Core) -> Result<T>) -> Result<T> {
        // Bound first: the lock must be free again before anything is waited for.
        let mut core = self.shared().core();
        let changed = change(&mut core);
        let after = core.after_write();
        drop(core);
        self.shared().after_write(after);
        changed
    }

    fn refused(&self) -> bool {
        self.shared().core().is_blocklisted(&self.address)
    }

    /// A read that has to wait for the medium: what it reads is kept from being used again.
    fn read_cold(
        &self,
        id: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'static, Result<Vec<ReadResult>>> {
        let shared = Arc::clone(self.shared());
        let caller = self.caller(op.runs_methods().then_some(id));
        let mut core = shared.core();
        let plan = match core.plan_read((id, snap), op, &caller) {
            Ok(plan) => plan,
            Err(failure) => return ready(Err(failure.into_error("read", id))),
        };
        let pin = core.pin();
        drop(core);
        let (sender, receiver) = oneshot::channel();
        let (id, reader) = (id.clone(), Arc::clone(&shared));
        shared.readers.submit(Box::new(move || {
            let content = reader.content(Wait::Allowed);
            let result = finish_read(&plan, content);
            reader.core().unpin(pin);
            let _ = sender.send(result.map_err(|failure| failure.into_error("read", &id)));
        }));
        let gone = || Err(StoreError::new(Errno::IO, "read (the store was closed)"));
        async move { receiver.await.unwrap_or_else(|_| gone()) }.boxed()
    }
}

impl Objects for DirClient {
    fn read(
        &self,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'_, Result<Vec<ReadResult>>> {
        let shared = self.shared();
        let caller = self.caller(op.runs_methods().then_some(object));
        let plan = shared.core_holding(once(object)).plan_read((object, snap), op.clone(), &caller);
        let plan = match plan {
            Ok(plan) => plan,
            Err(failure) => return ready(Err(failure.into_error("read", object))),
        };
        let alone = shared.options.threads == Threads::None;
        let wait = if alone { Wait::Allowed } else { Wait::Never };
        let result = finish_read(&plan, shared.content(wait));
        let unchanged = shared.released.load(Ordering::Acquire) == plan.released;
        match result {
            // Blocks may have come back into use under the read: what was read means nothing.
            _ if !unchanged && !plan.is_known() => self.read_cold(object, snap, op),
            Err(Failure::Read(ReadFailure::WouldWait)) => self.read_cold(object, snap, op),
            result => ready(result.map_err(|failure| failure.into_error("read", object))),
        }
    }

    fn write(&self, object: &ObjectId, op: WriteOp) -> BoxFuture<'_, Result<Version>> {
        let written = match self.write_now(object, &op, Vec::new()) {
            Ok(written) => written,
            Err(error) => return ready(Err(error)),
        };
        // A durable operation makes durable what came before it, even if it changes nothing.
        if op.durability == Durability::Ordered || self.shared().core().is_clean() {
            return ready(Ok(written.version));
        }
        let durable = self.durable();
        async move { durable.await.map(|()| written.version) }.boxed()
    }

    fn flush(&self) -> BoxFuture<'_, Result<()>> {
        if self.shared().core().is_clean() {
            return ready(Ok(()));
        }
        self.durable()
    }

    fn list_objects(&self, query: ListQuery) -> BoxFuture<'_, Result<ObjectPage>> {
        let listed = self.shared().core().list_objects(&query);
        let what = || format!("list the objects of pool {}", query.pool.0);
        ready(listed.map_err(|failure| StoreError::new(failure.errno(), what())))
    }

    fn list_snaps(&self, object: &ObjectId) -> BoxFuture<'_, Result<SnapSet>> {
        let listed = self.shared().core().list_snaps(object);
        ready(listed.map_err(|failure| failure.into_error("list snapshots of", object)))
    }
}

impl Snapshots for DirClient {
    fn create_snap_id(&self, pool: PoolId) -> BoxFuture<'_, Result<SnapId>> {
        ready(self.in_order(|core| core.create_snap_id(pool)))
    }

    fn remove_snap_id(&self, pool: PoolId, snap: SnapId) -> BoxFuture<'_, Result<()>> {
        ready(self.in_order(|core| core.remove_snap_id(pool, snap)))
    }
}

impl Watches for DirClient {
    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        ready(self.watch_as(object, None))
    }

    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        let removed = self.shared().watches().remove(object, (self.client, handle));
        ready(removed.map_err(|errno| StoreError::new(errno, format!("unwatch {object}"))))
    }

    fn notify(
        &self,
        object: &ObjectId,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<NotifyOutcome>> {
        if let Err(failure) = self.present(object) {
            return ready(Err(failure.into_error("notify", object)));
        }
        let (id, answered) = self.shared().watches().notify(object, self.client, &payload);
        let shared = Arc::clone(self.shared());
        async move {
            future::select(answered, shared.env.sleep(timeout)).await;
            Ok(shared.watches().finish(id))
        }
        .boxed()
    }

    fn acknowledge(&self, ack: Acknowledgement) -> BoxFuture<'_, Result<()>> {
        self.shared().watches().acknowledge(self.client, ack);
        ready(Ok(()))
    }

    fn list_watchers(&self, object: &ObjectId) -> BoxFuture<'_, Result<Vec<Watcher>>> {
        if let Err(failure) = self.present(object) {
            return ready(Err(failure.into_error("list watchers of", object)));
        }
        ready(Ok(self.shared().watches().list(object)))
    }
}

impl DirClient {
    /// The object exists and the client may ask.
    pub(crate) fn present(&self, object: &ObjectId) -> Result<(), Failure> {
        if self.refused() {
            return Err(Errno::BLOCKLISTED.into());
        }
        self.shared().core().head_exists(object)
    }

    /// Registers a watch, under a handle that an earlier owner gave or a new one.
    pub(crate) fn watch_as(&self, object: &ObjectId, handle: Option<WatchHandle>) -> Result<Watch> {
        self.present(object).map_err(|failure| failure.into_error("watch", object))?;
        let (sender, events) = mpsc::unbounded();
        let mut watches = self.shared().watches();
        let handle = handle.unwrap_or_else(|| watches.new_handle());
        watches.add(object, (self.client, self.address.clone()), handle, Some(sender));
        Ok(Watch { handle, events })
    }

    /// What a change of the store means for watches.
    pub(crate) fn settle_watches(&self, item: &ClusterItem) {
        match item {
            ClusterItem::RemovePool { id } => self.shared().watches().pool_removed(*id),
            ClusterItem::AddBlocklist { address } => {
                let mut watches = self.shared().watches();
                let told = Some(Errno::BLOCKLISTED);
                watches.drop_clients(|_, watcher| watcher.0 == *address, told);
            }
            _ => {}
        }
    }
}

/// Not refused to blocklisted clients: in Ceph these calls go to the monitors.
impl Cluster for DirClient {
    fn list_pools(&self) -> BoxFuture<'_, Result<Vec<PoolInfo>>> {
        ready(Ok(self.shared().core().list_pools()))
    }

    fn administer(&self, change: ClusterChange) -> BoxFuture<'_, Result<()>> {
        let planned = self.shared().core().plan_change(change);
        match planned {
            Ok(item) => {
                let done = self.commit(vec![item.clone()]);
                self.settle_watches(&item);
                done
            }
            Err(error) => ready(Err(error)),
        }
    }

    fn config_key(&self, key: &str) -> BoxFuture<'_, Result<Bytes>> {
        let found = self.shared().core().state.cluster.config.get(key).cloned();
        let missing = || StoreError::new(Errno::NOENT, format!("read config key {key}"));
        ready(found.ok_or_else(missing))
    }

    fn list_config_keys(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        ready(Ok(self.shared().core().state.cluster.config.keys().cloned().collect()))
    }

    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus>> {
        self.shared().ask_for_room();
        let mut status = self.shared().core().status();
        let pending = self.shared().freed_by_housework() * BLOCK_BYTES;
        status.space.pending_bytes += pending;
        status.space.used_bytes = status.space.used_bytes.saturating_sub(pending);
        ready(Ok(status))
    }
}

impl Store for DirClient {
    fn client_id(&self) -> ClientId {
        self.client
    }

    fn client_address(&self) -> ClientAddress {
        self.address.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { copyup: Copyups::ByReference, discard_granularity_bytes: BLOCK_BYTES }
    }
}
