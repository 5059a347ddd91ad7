//! The smallest engine that survives its process: one in memory, and a log of what it did.
//!
//! A record is one `write` to the log, so it is there whole or not at all when the process is
//! killed. Replaying all of them makes the next owner.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use marcot_host::protocol::frame::{self, Decoder};
use marcot_store::class::NoClasses;
use marcot_store::memory::MemoryCluster;
use marcot_store::session::{
    Answer, Change, ProcessMark, Session, Sessions, Stamp, unknown_session,
};
use marcot_store::watch::{Acknowledgement, NotifyOutcome, Watch, Watcher};
use marcot_store::{
    Capabilities, ClientAddress, ClientId, Cluster, ClusterChange, ClusterStatus, ListQuery,
    ObjectId, ObjectPage, Objects, PoolId, PoolInfo, ReadOp, ReadResult, Result, SnapId, SnapSet,
    Snapshots, Store, Version, WatchHandle, Watches, WriteOp,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
enum Record {
    Started { client: ClientId, process: ProcessMark },
    Ended { client: ClientId },
    Changed { client: ClientId, number: u64, change: Change, answer: Answer },
}

struct Known {
    process: ProcessMark,
    resumed: bool,
    answers: BTreeMap<u64, Answer>,
}

struct State {
    log: File,
    sessions: HashMap<ClientId, Known>,
    next_client: u64,
    /// Handles of one owner never meet those of another.
    next_handle: u64,
}

pub(crate) struct LoggedEngine {
    cluster: Arc<MemoryCluster>,
    replayer: Arc<dyn Store>,
    state: Arc<Mutex<State>>,
}

fn now<T>(future: BoxFuture<'_, T>) -> T {
    future.now_or_never().expect("a friendly engine in memory is ready at once")
}

impl LoggedEngine {
    /// `None` when another process has it.
    pub(crate) fn open(directory: &Path) -> Option<Arc<LoggedEngine>> {
        let path = directory.join("log");
        let mut options = OpenOptions::new();
        let mut log = options.read(true).append(true).create(true).open(path).unwrap();
        let lock = rustix::fs::FlockOperation::NonBlockingLockExclusive;
        rustix::fs::flock(&log, lock).ok()?;
        let mut bytes = Vec::new();
        log.read_to_end(&mut bytes).unwrap();
        let next_handle = bytes.len() as u64;
        let cluster = MemoryCluster::new(Arc::new(NoClasses));
        let replayer = cluster.client();
        let state = State { log, sessions: HashMap::new(), next_client: 1, next_handle };
        let state = Arc::new(Mutex::new(state));
        let engine = LoggedEngine { cluster, replayer, state };
        engine.replay(&bytes);
        Some(Arc::new(engine))
    }

    fn replay(&self, bytes: &[u8]) {
        let mut decoder = Decoder::default();
        decoder.feed(bytes);
        let mut state = self.state.lock().unwrap();
        while let Some(frame) = decoder.next_frame().unwrap() {
            match frame.decode().unwrap() {
                Record::Started { client, process } => {
                    let known = Known { process, resumed: false, answers: BTreeMap::new() };
                    state.sessions.insert(client, known);
                    state.next_client = state.next_client.max(client.0 + 1);
                }
                Record::Ended { client } => drop(state.sessions.remove(&client)),
                Record::Changed { client, number, change, answer } => {
                    assert_eq!(now(change.run(&*self.replayer)), Ok(answer), "replay");
                    if let Some(known) = state.sessions.get_mut(&client) {
                        known.answers.insert(number, answer);
                    }
                }
            }
        }
    }

    fn session(&self, client: ClientId) -> Arc<dyn Session> {
        let state = Arc::clone(&self.state);
        Arc::new(LoggedSession {
            client,
            inner: self.cluster.client(),
            state,
            handles: Mutex::default(),
        })
    }
}

impl State {
    fn append(&mut self, record: &Record) {
        let frame = frame::encode(1, record).unwrap();
        assert_eq!(self.log.write(&frame).unwrap(), frame.len());
    }
}

impl Sessions for LoggedEngine {
    fn client(&self) -> Arc<dyn Store> {
        self.cluster.client()
    }

    fn start(&self, process: ProcessMark) -> Result<Arc<dyn Session>> {
        let mut state = self.state.lock().unwrap();
        let client = ClientId(state.next_client);
        state.next_client += 1;
        state.append(&Record::Started { client, process });
        let known = Known { process, resumed: true, answers: BTreeMap::new() };
        state.sessions.insert(client, known);
        drop(state);
        Ok(self.session(client))
    }

    fn resume(&self, client: ClientId) -> Result<Arc<dyn Session>> {
        match self.state.lock().unwrap().sessions.get_mut(&client) {
            Some(known) => known.resumed = true,
            None => return Err(unknown_session(client)),
        }
        Ok(self.session(client))
    }

    fn dormant(&self) -> Vec<(ClientId, ProcessMark)> {
        let state = self.state.lock().unwrap();
        let dormant = state.sessions.iter().filter(|(_, known)| !known.resumed);
        dormant.map(|(client, known)| (*client, known.process)).collect()
    }

    fn end(&self, client: ClientId) {
        let mut state = self.state.lock().unwrap();
        if state.sessions.remove(&client).is_some() {
            state.append(&Record::Ended { client });
        }
    }
}

struct LoggedSession {
    client: ClientId,
    inner: Arc<dyn Store>,
    state: Arc<Mutex<State>>,
    /// Ours to those of the engine in memory.
    handles: Mutex<HashMap<WatchHandle, WatchHandle>>,
}

impl LoggedSession {
    fn watch_as(&self, object: &ObjectId, handle: WatchHandle) -> Result<Watch> {
        let Watch { handle: inner, events } = now(self.inner.watch(object))?;
        self.handles.lock().unwrap().insert(handle, inner);
        Ok(Watch { handle, events })
    }

    fn inner_handle(&self, handle: WatchHandle) -> WatchHandle {
        self.handles.lock().unwrap().get(&handle).copied().unwrap_or(WatchHandle(u64::MAX))
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    std::future::ready(value).boxed()
}

impl Session for LoggedSession {
    fn change(&self, stamp: Stamp, change: Change) -> BoxFuture<'_, Result<Answer>> {
        let mut state = self.state.lock().unwrap();
        let known = state.sessions.get_mut(&self.client).unwrap();
        known.answers = known.answers.split_off(&stamp.answered_below);
        if let Some(answer) = known.answers.get(&stamp.number) {
            return ready(Ok(*answer));
        }
        let result = now(change.clone().run(&*self.inner));
        if let Ok(answer) = result {
            known.answers.insert(stamp.number, answer);
            let (client, number) = (self.client, stamp.number);
            state.append(&Record::Changed { client, number, change, answer });
        }
        ready(result)
    }

    fn rewatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<Watch>> {
        ready(self.watch_as(object, handle))
    }
}

impl Objects for LoggedSession {
    fn read(
        &self,
        object: &ObjectId,
        snap: SnapId,
        op: ReadOp,
    ) -> BoxFuture<'_, Result<Vec<ReadResult>>> {
        self.inner.read(object, snap, op)
    }

    fn write(&self, _object: &ObjectId, _op: WriteOp) -> BoxFuture<'_, Result<Version>> {
        unreachable!("an owner changes the store by numbered changes")
    }

    fn flush(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.flush()
    }

    fn list_objects(&self, query: ListQuery) -> BoxFuture<'_, Result<ObjectPage>> {
        self.inner.list_objects(query)
    }

    fn list_snaps(&self, object: &ObjectId) -> BoxFuture<'_, Result<SnapSet>> {
        self.inner.list_snaps(object)
    }
}

impl Snapshots for LoggedSession {
    fn create_snap_id(&self, _pool: PoolId) -> BoxFuture<'_, Result<SnapId>> {
        unreachable!("an owner changes the store by numbered changes")
    }

    fn remove_snap_id(&self, _pool: PoolId, _snap: SnapId) -> BoxFuture<'_, Result<()>> {
        unreachable!("an owner changes the store by numbered changes")
    }
}

impl Watches for LoggedSession {
    fn watch(&self, object: &ObjectId) -> BoxFuture<'_, Result<Watch>> {
        let handle = {
            let mut state = self.state.lock().unwrap();
            state.next_handle += 1;
            WatchHandle(state.next_handle)
        };
        ready(self.watch_as(object, handle))
    }

    fn unwatch(&self, object: &ObjectId, handle: WatchHandle) -> BoxFuture<'_, Result<()>> {
        self.inner.unwatch(object, self.inner_handle(handle))
    }

    fn notify(
        &self,
        object: &ObjectId,
        payload: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<NotifyOutcome>> {
        self.inner.notify(object, payload, timeout)
    }

    fn acknowledge(&self, ack: Acknowledgement) -> BoxFuture<'_, Result<()>> {
        let handle = self.inner_handle(ack.handle);
        self.inner.acknowledge(Acknowledgement { handle, ..ack })
    }

    fn list_watchers(&self, object: &ObjectId) -> BoxFuture<'_, Result<Vec<Watcher>>> {
        self.inner.list_watchers(object)
    }
}

impl Cluster for LoggedSession {
    fn list_pools(&self) -> BoxFuture<'_, Result<Vec<PoolInfo>>> {
        self.inner.list_pools()
    }

    fn administer(&self, _change: ClusterChange) -> BoxFuture<'_, Result<()>> {
        unreachable!("an owner changes the store by numbered changes")
    }

    fn config_key(&self, key: &str) -> BoxFuture<'_, Result<Bytes>> {
        self.inner.config_key(key)
    }

    fn list_config_keys(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.list_config_keys()
    }

    fn status(&self) -> BoxFuture<'_, Result<ClusterStatus>> {
        self.inner.status()
    }
}

impl Store for LoggedSession {
    fn client_id(&self) -> ClientId {
        self.client
    }

    fn client_address(&self) -> ClientAddress {
        self.inner.client_address()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}
