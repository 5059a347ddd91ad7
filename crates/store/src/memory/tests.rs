use std::sync::Arc;

use bytes::Bytes;
use pollster::block_on;

use super::*;
use crate::class::{MethodKind, NoClasses, ObjectContext};
use crate::{
    ClusterChange, Errno, ObjectId, PoolId, ReadOp, ReadResult, ReadStep, SnapContext, SnapId,
    WriteOp, WriteStep,
};

fn hostile(seed: u64, classes: Arc<dyn Classes>) -> Arc<dyn Store> {
    let options = MemoryOptions::hostile(seed);
    let cluster = MemoryCluster::with_env(classes, Arc::new(StillEnv::default()), options);
    let store = cluster.client();
    block_on(store.administer(ClusterChange::CreatePool { name: "p".into() })).unwrap();
    store
}

fn object(name: &str) -> ObjectId {
    ObjectId::new(PoolId(1), "", name)
}

fn full(text: &'static str) -> WriteOp {
    WriteOp::new(vec![WriteStep::WriteFull { data: Bytes::from_static(text.as_bytes()) }])
}

#[test]
fn a_hostile_cluster_reorders_writes_to_different_objects_but_not_to_one() {
    let mut orders = BTreeSet::new();
    for seed in 0..20 {
        let store = hostile(seed, Arc::new(NoClasses));
        let names: Vec<String> = (0..4).map(|n| format!("o{n}")).collect();
        let _unpolled: Vec<_> =
            names.iter().map(|n| store.write(&object(n), full("first"))).collect();
        let _second: Vec<_> =
            names.iter().map(|n| store.write(&object(n), full("second"))).collect();
        block_on(store.flush()).unwrap();
        let mut versions = Vec::new();
        for name in &names {
            let op =
                ReadOp { steps: vec![ReadStep::Read { offset: 0, length: 9 }, ReadStep::Stat] };
            let found = block_on(store.read(&object(name), SnapId::HEAD, op)).unwrap();
            assert_eq!(found[0], ReadResult::Data(Bytes::from_static(b"second")));
            let ReadResult::Stat(stat) = &found[1] else { panic!("{found:?}") };
            versions.push((stat.version, name.clone()));
        }
        versions.sort();
        orders.insert(versions.into_iter().map(|(_, name)| name).collect::<Vec<_>>());
    }
    assert!(orders.len() > 3, "{orders:?}");
}

/// Writes an omap key and reads it back.
struct Forgetful;

impl Classes for Forgetful {
    fn kind(&self, _class: &str, _method: &str) -> Option<MethodKind> {
        Some(MethodKind::Write)
    }

    fn call(
        &self,
        _class: &str,
        _method: &str,
        object: &mut dyn ObjectContext,
        input: &[u8],
    ) -> Result<Bytes, Errno> {
        let key = Bytes::copy_from_slice(input);
        object.omap_set(vec![(key.clone(), key)])?;
        object.omap_value(b"mine")
    }
}

fn exec(input: &'static str) -> WriteOp {
    let input = Bytes::from_static(input.as_bytes());
    WriteOp::new(vec![WriteStep::Exec { class: "c".into(), method: "m".into(), input }])
}

#[test]
#[should_panic(expected = "RADOS shows the old")]
fn a_hostile_cluster_panics_when_class_code_reads_back_its_own_write() {
    let store = hostile(1, Arc::new(Forgetful));
    let _ = block_on(store.write(&object("o"), exec("mine")));
}

#[test]
fn reading_what_another_key_holds_is_no_reading_back() {
    let store = hostile(1, Arc::new(Forgetful));
    let error = block_on(store.write(&object("o"), exec("other"))).unwrap_err();
    assert_eq!(error.errno, Errno::NOENT);
}

#[test]
fn a_friendly_cluster_shows_class_code_the_old_content() {
    let cluster = MemoryCluster::new(Arc::new(Forgetful));
    let store = cluster.client();
    block_on(store.administer(ClusterChange::CreatePool { name: "p".into() })).unwrap();
    let error = block_on(store.write(&object("o"), exec("mine"))).unwrap_err();
    assert_eq!(error.errno, Errno::NOENT);
}

#[test]
fn the_first_snapshot_id_is_that_of_a_validated_pool() {
    let store = hostile(1, Arc::new(NoClasses));
    assert_eq!(block_on(store.create_snap_id(PoolId(1))).unwrap(), SnapId(4));
}

#[test]
fn a_killed_client_is_no_watcher_any_more_and_cannot_write() {
    let cluster = MemoryCluster::new(Arc::new(NoClasses));
    let (dead, alive) = (cluster.client(), cluster.client());
    block_on(alive.administer(ClusterChange::CreatePool { name: "p".into() })).unwrap();
    block_on(dead.write(&object("o"), full("x"))).unwrap();
    let _watch = block_on(dead.watch(&object("o"))).unwrap();
    cluster.kill(dead.client_id());
    assert!(block_on(alive.list_watchers(&object("o"))).unwrap().is_empty());
    let error = block_on(dead.write(&object("o"), full("y"))).unwrap_err();
    assert_eq!(error.errno, Errno::NOTCONN);
}

#[test]
fn a_bad_snapshot_context_does_not_get_past_the_border() {
    let store = hostile(1, Arc::new(NoClasses));
    let snaps = vec![SnapId(4), SnapId(5)].into();
    let op = full("x").with_snap_context(SnapContext { seq: SnapId(5), snaps });
    assert_eq!(block_on(store.write(&object("o"), op)).unwrap_err().errno, Errno::INVAL);
}
