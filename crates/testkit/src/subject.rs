//! A store under test, with a pool of its own and short verbs that panic when they fail.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use marcot_store::op::OmapPage;
use marcot_store::{
    ClusterChange, Errno, ListQuery, ObjectId, PoolId, ReadOp, ReadResult, ReadStep, SnapContext,
    SnapId, SnapSet, Store, StoreError, Version, WriteOp, WriteStep,
};
use pollster::block_on;

/// Names that no other subject of this process uses.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// One engine, opened, as the conformance suite sees it.
pub struct Subject {
    open_client: Box<dyn Fn() -> Arc<dyn Store>>,
    housekeeping: Box<dyn Fn()>,
    pub store: Arc<dyn Store>,
    pub pool: PoolId,
    pool_name: String,
    namespace: String,
    removal: Removal,
    judge: Judge,
}

/// Who answers in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judge {
    /// The engine itself: it does what the contract says.
    Engine,
    /// Ceph's OSDs and monitors: they do what they do, and a case says where that differs.
    Ceph,
}

/// What becomes of the pool when its subject is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removal {
    WithSubject,
    Never,
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject in pool {}", self.pool_name)
    }
}

impl Drop for Subject {
    /// Leaves nothing behind on an engine that outlives the test.
    fn drop(&mut self) {
        if self.removal == Removal::Never {
            return;
        }
        let removal = ClusterChange::RemovePool { name: self.pool_name.clone() };
        let _ = block_on(self.store.administer(removal));
    }
}

impl Subject {
    /// `open_client` yields a new client of the same engine each time; it keeps the engine alive.
    pub fn new(open_client: impl Fn() -> Arc<dyn Store> + 'static) -> Subject {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let pool_name = format!("conformance-{}-{number}", std::process::id());
        let store = open_client();
        let creation = ClusterChange::CreatePool { name: pool_name.clone() };
        block_on(store.administer(creation)).expect("create the pool of the test");
        let pools = block_on(store.list_pools()).expect("list pools");
        let pool = pools.iter().find(|pool| pool.name == pool_name).expect("pool was created").id;
        let open_client = Box::new(open_client);
        let housekeeping = Box::new(|| {});
        let removal = Removal::WithSubject;
        let (namespace, judge) = (String::new(), Judge::Engine);
        Subject { open_client, housekeeping, store, pool, pool_name, namespace, removal, judge }
    }

    /// A pool that is there already, and stays.
    pub fn attach(store: Arc<dyn Store>, pool: PoolId) -> Subject {
        let other = store.clone();
        Subject {
            open_client: Box::new(move || other.clone()),
            housekeeping: Box::new(|| {}),
            store,
            pool,
            pool_name: format!("number {}", pool.0),
            namespace: String::new(),
            removal: Removal::Never,
            judge: Judge::Engine,
        }
    }

    /// A namespace of its own in a pool of others, which stays.
    pub fn in_namespace(open_client: impl Fn() -> Arc<dyn Store> + 'static, pool: &str) -> Subject {
        let store = open_client();
        let pools = block_on(store.list_pools()).expect("list pools");
        let pool = pools.iter().find(|found| found.name == pool).expect("the pool is there").id;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("conformance-{}-{number}", std::process::id());
        let mut subject = Subject::attach(store, pool);
        subject.open_client = Box::new(open_client);
        subject.pool_name.clone_from(&namespace);
        subject.namespace = namespace;
        subject
    }

    /// The same on a real Ceph cluster, which others may use too.
    pub fn judged_by_ceph(mut self) -> Subject {
        self.judge = Judge::Ceph;
        self
    }

    /// Whether the differences of a real Ceph cluster are to be expected.
    pub fn is_ceph(&self) -> bool {
        self.judge == Judge::Ceph
    }

    /// Where its objects are; empty unless it shares its pool.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// What makes the engine do its deferred work, for engines that do none by themselves.
    pub fn with_housekeeping(mut self, housekeeping: impl Fn() + 'static) -> Subject {
        self.housekeeping = Box::new(housekeeping);
        self
    }

    /// Another client of the same engine.
    pub fn client(&self) -> Arc<dyn Store> {
        (self.open_client)()
    }

    /// A name that nobody else uses.
    pub fn unique(&self, name: &str) -> String {
        format!("{name}-{}", self.pool_name)
    }

    pub fn object(&self, name: &str) -> ObjectId {
        ObjectId::new(self.pool, self.namespace.as_str(), name)
    }

    /// Runs a future to its end.
    pub fn wait<T>(&self, future: BoxFuture<'_, Result<T, StoreError>>) -> T {
        block_on(future).expect("the store does what it is asked")
    }

    pub fn try_write(&self, id: &ObjectId, op: WriteOp) -> Result<Version, Errno> {
        block_on(self.store.write(id, op)).map_err(|error| error.errno)
    }

    pub fn write(&self, id: &ObjectId, steps: Vec<WriteStep>) -> Version {
        self.wait(self.store.write(id, WriteOp::new(steps)))
    }

    pub fn write_under(&self, id: &ObjectId, context: &SnapContext, steps: Vec<WriteStep>) {
        let op = WriteOp::new(steps).with_snap_context(context.clone());
        self.wait(self.store.write(id, op));
    }

    /// The errno of a write that must fail.
    pub fn refused(&self, id: &ObjectId, steps: Vec<WriteStep>) -> Errno {
        self.try_write(id, WriteOp::new(steps)).expect_err("the store refuses this")
    }

    /// One read step on the head.
    pub fn read(&self, id: &ObjectId, step: ReadStep) -> Result<ReadResult, Errno> {
        self.read_at(id, SnapId::HEAD, step)
    }

    pub fn read_at(
        &self,
        id: &ObjectId,
        snap: SnapId,
        step: ReadStep,
    ) -> Result<ReadResult, Errno> {
        let results = block_on(self.store.read(id, snap, ReadOp::single(step)));
        let mut results = results.map_err(|error| error.errno)?;
        assert_eq!(results.len(), 1, "one result for one step");
        Ok(results.remove(0))
    }

    /// All data (8 MiB at most) at `snap`; `None` when the object did not exist.
    pub fn data_at(&self, id: &ObjectId, snap: SnapId) -> Option<Bytes> {
        match self.read_at(id, snap, ReadStep::Read { offset: 0, length: 8 << 20 }) {
            Ok(ReadResult::Data(data)) => Some(data),
            Err(Errno::NOENT) => None,
            other => panic!("reading {id} yielded {other:?}"),
        }
    }

    /// All data now.
    pub fn data(&self, id: &ObjectId) -> Option<Bytes> {
        self.data_at(id, SnapId::HEAD)
    }

    /// The whole omap at `snap`, page by page.
    pub fn omap_at(&self, id: &ObjectId, snap: SnapId) -> Vec<(Bytes, Bytes)> {
        let mut pairs: Vec<(Bytes, Bytes)> = Vec::new();
        loop {
            let after = pairs.last().map(|(key, _)| key.clone());
            let step = ReadStep::OmapList { after, prefix: Bytes::new(), max: 1000 };
            match self.read_at(id, snap, step) {
                Ok(ReadResult::Omap(OmapPage { entries, more })) => {
                    assert!(!more || !entries.is_empty(), "a page that leads nowhere");
                    pairs.extend(entries);
                    if !more {
                        return pairs;
                    }
                }
                other => panic!("listing the omap of {id} yielded {other:?}"),
            }
        }
    }

    /// The head's omap as text.
    pub fn omap(&self, id: &ObjectId) -> Vec<(String, String)> {
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let pairs = self.omap_at(id, SnapId::HEAD);
        pairs.iter().map(|(key, value)| (text(key), text(value))).collect()
    }

    pub fn xattr(&self, id: &ObjectId, name: &str) -> Result<Bytes, Errno> {
        match self.read(id, ReadStep::GetXattr { name: name.to_owned() })? {
            ReadResult::Data(value) => Ok(value),
            other => panic!("xattr {name} of {id} is {other:?}"),
        }
    }

    pub fn size(&self, id: &ObjectId) -> Option<u64> {
        match self.read(id, ReadStep::Stat) {
            Ok(ReadResult::Stat(stat)) => Some(stat.size),
            Err(Errno::NOENT) => None,
            other => panic!("stat of {id} yielded {other:?}"),
        }
    }

    pub fn exists(&self, id: &ObjectId) -> bool {
        self.size(id).is_some()
    }

    pub fn snap(&self) -> SnapId {
        self.wait(self.store.create_snap_id(self.pool))
    }

    pub fn remove_snap(&self, snap: SnapId) {
        self.wait(self.store.remove_snap_id(self.pool, snap));
    }

    pub fn snaps(&self, id: &ObjectId) -> SnapSet {
        self.wait(self.store.list_snaps(id))
    }

    pub fn roll_back(&self, id: &ObjectId, context: &SnapContext, snap: SnapId) {
        self.write_under(id, context, vec![WriteStep::Rollback { snap }]);
    }

    /// Waits for what an engine may do later.
    pub fn eventually(&self, what: &str, done: impl Fn(&Subject) -> bool) {
        for _ in 0..500 {
            if done(self) {
                return;
            }
            (self.housekeeping)();
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("did not happen: {what}");
    }

    /// Names of the pool's objects in `namespace`, sorted.
    pub fn names(&self, namespace: Option<&str>) -> Vec<(String, String)> {
        let mut names = Vec::new();
        let mut cursor = None;
        loop {
            let namespace = namespace.map(str::to_owned);
            let query = ListQuery { pool: self.pool, namespace, cursor, max: 2 };
            let page = self.wait(self.store.list_objects(query));
            names
                .extend(page.objects.iter().map(|o| (o.namespace.to_string(), o.name.to_string())));
            cursor = page.next;
            if cursor.is_none() {
                names.sort();
                return names;
            }
        }
    }
}

/// What a test file offers as subject: one, or none where there is nothing to test against.
pub trait Offer {
    fn subject(self) -> Option<Subject>;
}

impl Offer for Subject {
    fn subject(self) -> Option<Subject> {
        Some(self)
    }
}

impl Offer for Option<Subject> {
    fn subject(self) -> Option<Subject> {
        self
    }
}

/// Text as bytes.
pub fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Writes text at `offset`.
pub fn put(offset: u64, text: &str) -> WriteStep {
    WriteStep::Write { offset, data: bytes(text) }
}

/// The context of a writer that knows these snapshots, given oldest first.
pub fn context(snaps: &[SnapId]) -> SnapContext {
    let seq = snaps.last().copied().unwrap_or_default();
    SnapContext { seq, snaps: snaps.iter().rev().copied().collect() }
}
