//! A dozen operations on a live cluster: what the contract rests on, as librados really does it.
//!
//! Needs a cluster: `scripts/test` starts one and names it in `MARCOT_TEST_CEPH_CONF`. Without it
//! there is nothing to ask, and the tests say so; with `CI` set its absence is a failure.

mod classes;
mod conformance;
mod copyups;
mod ending;
mod gathering;
mod lending;
mod watching;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use marcot_engine_ceph::{CephCluster, ConnectOptions};
use marcot_store::op::{CreateMode, OmapPage};
use marcot_store::watch::{Acknowledgement, WatchEvent};
use marcot_store::{
    ClusterChange, Errno, ListQuery, ObjectId, PoolId, ReadOp, ReadResult, ReadStep, SnapContext,
    SnapId, Store, WriteOp, WriteStep,
};
use pollster::block_on;

/// The configuration of a cluster that asks for no keys.
pub(crate) const CONF: &str = "MARCOT_TEST_CEPH_CONF";
/// The same cluster's with cephx; its keyring knows client.vms.
pub(crate) const CEPHX_CONF: &str = "MARCOT_TEST_CEPHX_CONF";

/// The file that a variable names; nothing can be asked without it.
pub(crate) fn configuration(variable: &str) -> Option<String> {
    let found = std::env::var(variable).ok();
    if found.is_none() {
        assert!(std::env::var("CI").is_err(), "{variable} is not set");
        eprintln!("no cluster: set {variable} (scripts/test does)");
    }
    found
}

/// A new client of the cluster of that file.
pub(crate) fn connect(conf: &str, client: Option<&str>) -> Arc<dyn Store> {
    CephCluster::connect(&options(conf, client)).expect("connect")
}

pub(crate) fn options(conf: &str, client: Option<&str>) -> ConnectOptions {
    ConnectOptions {
        conf: Some(conf.into()),
        client: client.map(str::to_owned),
        ..ConnectOptions::default()
    }
}

pub(crate) fn cluster() -> Option<Arc<dyn Store>> {
    Some(connect(&configuration(CONF)?, None))
}

pub(crate) fn pool(store: &dyn Store) -> PoolId {
    let pools = block_on(store.list_pools()).expect("pools");
    pools.iter().find(|pool| pool.name == "rbd").expect("pool rbd").id
}

fn write(store: &dyn Store, object: &ObjectId, step: WriteStep) -> Result<(), Errno> {
    block_on(store.write(object, WriteOp::new(vec![step]))).map(drop).map_err(|error| error.errno)
}

fn read(store: &dyn Store, object: &ObjectId, step: ReadStep) -> Result<ReadResult, Errno> {
    block_on(store.read(object, SnapId::HEAD, ReadOp::single(step)))
        .map(|mut results| results.remove(0))
        .map_err(|error| error.errno)
}

fn data(bytes: &'static [u8]) -> ReadResult {
    ReadResult::Data(Bytes::from_static(bytes))
}

#[test]
fn objects_hold_data_attributes_and_keys() {
    let Some(store) = cluster() else { return };
    let object = ObjectId::new(pool(&*store), "", "marcot-probe-object");
    let _ = write(&*store, &object, WriteStep::Remove);

    assert_eq!(read(&*store, &object, ReadStep::Stat), Err(Errno::NOENT));
    assert_eq!(write(&*store, &object, WriteStep::Create(CreateMode::Exclusive)), Ok(()));
    assert_eq!(
        write(&*store, &object, WriteStep::Create(CreateMode::Exclusive)),
        Err(Errno::EXIST)
    );
    let hello = Bytes::from_static(b"hello");
    assert_eq!(
        write(&*store, &object, WriteStep::Write { offset: 3, data: hello.clone() }),
        Ok(())
    );
    assert_eq!(
        read(&*store, &object, ReadStep::Read { offset: 0, length: 100 }),
        Ok(data(b"\0\0\0hello"))
    );
    let other = ReadStep::CompareExtent { offset: 3, data: Bytes::from_static(b"help!") };
    let mismatch = block_on(store.read(&object, SnapId::HEAD, ReadOp::single(other)));
    assert_eq!(mismatch.expect_err("differs").mismatch_offset, Some(6));

    let set = WriteStep::SetXattr { name: "colour".to_owned(), value: hello.clone() };
    assert_eq!(write(&*store, &object, set), Ok(()));
    let colour = ReadStep::GetXattr { name: "colour".to_owned() };
    assert_eq!(read(&*store, &object, colour), Ok(data(b"hello")));
    let none = ReadStep::GetXattr { name: "none".to_owned() };
    assert_eq!(read(&*store, &object, none), Err(Errno::NODATA));

    let entries = vec![(Bytes::from_static(b"a\0b"), hello.clone()), (hello.clone(), hello)];
    let set = WriteStep::OmapSet { entries: entries.clone() };
    assert_eq!(write(&*store, &object, set), Ok(()));
    let list = ReadStep::OmapList { after: None, prefix: Bytes::new(), max: 10 };
    let page = ReadResult::Omap(OmapPage { entries, more: false });
    assert_eq!(read(&*store, &object, list), Ok(page));

    let query =
        ListQuery { pool: object.pool, namespace: Some(String::new()), cursor: None, max: 1 << 20 };
    let listed = block_on(store.list_objects(query)).expect("list");
    assert!(listed.objects.contains(&object));
    assert_eq!(write(&*store, &object, WriteStep::Remove), Ok(()));
}

#[test]
fn snapshots_are_preserved() {
    let Some(store) = cluster() else { return };
    let object = ObjectId::new(pool(&*store), "", "marcot-probe-snap");
    let _ = write(&*store, &object, WriteStep::Remove);
    let text = |text: &'static [u8]| WriteStep::WriteFull { data: Bytes::from_static(text) };
    write(&*store, &object, text(b"before")).expect("write");
    let snap = block_on(store.create_snap_id(object.pool)).expect("snap id");
    let context = SnapContext { seq: snap, snaps: [snap].into() };
    let after = WriteOp::new(vec![text(b"after")]).with_snap_context(context.clone());
    block_on(store.write(&object, after)).expect("write");

    let whole = || ReadOp::single(ReadStep::Read { offset: 0, length: 10 });
    assert_eq!(block_on(store.read(&object, snap, whole())), Ok(vec![data(b"before")]));
    assert_eq!(block_on(store.read(&object, SnapId::HEAD, whole())), Ok(vec![data(b"after")]));
    let rollback = WriteOp::new(vec![WriteStep::Rollback { snap }]).with_snap_context(context);
    block_on(store.write(&object, rollback)).expect("roll back");
    assert_eq!(block_on(store.read(&object, SnapId::HEAD, whole())), Ok(vec![data(b"before")]));
    block_on(store.remove_snap_id(object.pool, snap)).expect("remove the snap id");
    assert_eq!(write(&*store, &object, WriteStep::Remove), Ok(()));
}

#[test]
fn watchers_are_notified_and_answer() {
    let (Some(watcher), Some(notifier)) = (cluster(), cluster()) else { return };
    assert_ne!(watcher.client_id(), notifier.client_id());
    let object = ObjectId::new(pool(&*watcher), "", "marcot-probe-watch");
    write(&*watcher, &object, WriteStep::Create(CreateMode::IfAbsent)).expect("create");
    let mut watch = block_on(watcher.watch(&object)).expect("watch");
    let handle = watch.handle;

    let answering = std::thread::spawn({
        let (watcher, object) = (Arc::clone(&watcher), object.clone());
        move || {
            let Some(WatchEvent::Notified(notification)) = block_on(watch.events.next()) else {
                panic!("no notification");
            };
            let payload = Bytes::from_static(b"yes");
            let ack = Acknowledgement { object, handle, id: notification.id, payload };
            block_on(watcher.acknowledge(ack)).expect("acknowledge");
            notification
        }
    });
    let asked = Bytes::from_static(b"anybody?");
    let outcome =
        block_on(notifier.notify(&object, asked.clone(), Duration::from_secs(10))).expect("notify");
    let notification = answering.join().expect("the watcher");
    assert_eq!(notification.payload, asked);
    assert_eq!(notification.notifier, notifier.client_id());
    assert_eq!(outcome.acks, [(watcher.client_id(), handle, Bytes::from_static(b"yes"))]);
    assert_eq!(outcome.timeouts, []);
    block_on(watcher.unwatch(&object, handle)).expect("unwatch");
    assert_eq!(write(&*watcher, &object, WriteStep::Remove), Ok(()));
}

#[test]
fn monitors_keep_keys_and_pools() {
    let Some(store) = cluster() else { return };
    let key = "marcot/probe".to_owned();
    let value = Bytes::from_static(b"kept");
    let set = ClusterChange::SetConfigKey { key: key.clone(), value: value.clone() };
    block_on(store.administer(set)).expect("set");
    assert_eq!(block_on(store.config_key(&key)), Ok(value));
    assert!(block_on(store.list_config_keys()).expect("keys").contains(&key));
    let remove = ClusterChange::RemoveConfigKey { key: key.clone() };
    block_on(store.administer(remove)).expect("remove");
    assert_eq!(block_on(store.config_key(&key)).map_err(|error| error.errno), Err(Errno::NOENT));
    let name = "marcot-probe-pool".to_owned();
    block_on(store.administer(ClusterChange::CreatePool { name: name.clone() })).expect("create");
    let named = |pools: Vec<marcot_store::PoolInfo>| pools.iter().any(|pool| pool.name == name);
    assert!(named(block_on(store.list_pools()).expect("pools")));
    assert!(block_on(store.find_pool(&name)).expect("find").is_some());
    block_on(store.administer(ClusterChange::RemovePool { name: name.clone() })).expect("remove");
    assert!(!named(block_on(store.list_pools()).expect("pools")));
    let status = block_on(store.status()).expect("status");
    // A new cluster serves luminous.
    assert_eq!(status.min_compat_client, "luminous");
    assert_eq!(block_on(store.min_compat_client()).expect("release"), "luminous");
    assert_eq!(status.fsid.len(), 36);
}
