//! Pools, config keys, the oldest client, the blocklist.

use futures_util::StreamExt;
use marcot_store::op::CreateMode;
use marcot_store::watch::WatchEvent;
use marcot_store::{
    ClusterChange, Errno, ObjectId, PoolId, ReadOp, ReadStep, SnapId, Store, WriteOp, WriteStep,
};
use pollster::block_on;

use crate::{Subject, bytes, put};

fn administer(s: &Subject, change: ClusterChange) -> Result<(), Errno> {
    block_on(s.store.administer(change)).map_err(|error| error.errno)
}

fn create(s: &Subject, name: &str) -> Result<(), Errno> {
    administer(s, ClusterChange::CreatePool { name: name.to_owned() })
}

fn remove(s: &Subject, name: &str) -> Result<(), Errno> {
    administer(s, ClusterChange::RemovePool { name: name.to_owned() })
}

fn pool(s: &Subject, name: &str) -> Option<PoolId> {
    let pools = s.wait(s.store.list_pools());
    assert!(pools.is_sorted_by_key(|pool| pool.id), "ascending by id");
    let found = pools.into_iter().find(|pool| pool.name == name).map(|pool| pool.id);
    assert_eq!(s.wait(s.store.find_pool(name)), found, "found as it is listed");
    found
}

pub fn pools_are_created_listed_renamed_and_removed(s: &Subject) {
    let (a, b) = (s.unique("a"), s.unique("b"));
    create(s, &a).expect("the name is free");
    assert_eq!(create(s, &a), Err(Errno::EXIST));
    let id = pool(s, &a).expect("it is listed");
    s.write(&ObjectId::new(id, "", "o"), vec![put(0, "kept")]);
    let rename = |from: &str, to: &str| {
        administer(s, ClusterChange::RenamePool { from: from.to_owned(), to: to.to_owned() })
    };
    rename(&a, &b).expect("the name is free");
    assert_eq!((pool(s, &a), pool(s, &b)), (None, Some(id)), "the id stays");
    assert_eq!(s.data(&ObjectId::new(id, "", "o")), Some(bytes("kept")));
    assert_eq!(rename(&a, &b), Err(Errno::NOENT));
    create(s, &a).expect("the name is free again");
    assert_eq!(rename(&a, &b), Err(Errno::EXIST));
    remove(s, &a).expect("it is there");
    remove(s, &b).expect("it is there");
    assert_eq!(remove(s, &b), Err(Errno::NOENT));
    assert_eq!(s.read(&ObjectId::new(id, "", "o"), ReadStep::Stat), Err(Errno::NOENT));
}

pub fn a_pool_id_is_never_used_again(s: &Subject) {
    let name = s.unique("again");
    create(s, &name).expect("the name is free");
    let first = pool(s, &name).expect("it is listed");
    s.write(&ObjectId::new(first, "", "o"), vec![put(0, "old")]);
    remove(s, &name).expect("it is there");
    create(s, &name).expect("the name is free again");
    let second = pool(s, &name).expect("it is listed");
    assert!(second > first, "{second:?} after {first:?}");
    assert!(!s.exists(&ObjectId::new(second, "", "o")), "the new pool is empty");
    remove(s, &name).expect("it is there");
}

pub fn pools_have_snapshot_ids_of_their_own(s: &Subject) {
    let name = s.unique("snaps");
    create(s, &name).expect("the name is free");
    let other = pool(s, &name).expect("it is listed");
    let here = (s.snap(), s.snap());
    let there = s.wait(s.store.create_snap_id(other));
    assert!(there <= here.1, "{there:?} counts apart from {here:?}");
    remove(s, &name).expect("it is there");
    assert!(block_on(s.store.create_snap_id(other)).is_err());
}

pub fn pool_names_must_not_be_empty(s: &Subject) {
    assert_eq!(create(s, ""), Err(Errno::INVAL));
}

pub fn pools_count_their_objects(s: &Subject) {
    s.write(&s.object("a"), vec![WriteStep::WriteFull { data: vec![1; 100_000].into() }]);
    s.write(&s.object("b"), vec![WriteStep::Create(CreateMode::Exclusive)]);
    // A Ceph cluster counts every few seconds.
    s.eventually("both are counted, and their bytes", |s| {
        let pools = s.wait(s.store.list_pools());
        let info = pools.iter().find(|pool| pool.id == s.pool).expect("it is listed");
        info.objects == 2 && info.stored_bytes >= 100_000
    });
}

pub fn config_keys_are_set_read_listed_and_removed(s: &Subject) {
    let (a, b) = (s.unique("rbd/a"), s.unique("rbd/b"));
    let set = |key: &String, value| {
        administer(s, ClusterChange::SetConfigKey { key: key.clone(), value: bytes(value) })
    };
    let read = |key: &str| block_on(s.store.config_key(key)).map_err(|error| error.errno);
    let mine = || {
        let mut keys = s.wait(s.store.list_config_keys());
        assert!(keys.is_sorted());
        keys.retain(|key| *key == a || *key == b);
        keys
    };
    assert_eq!(read(&a), Err(Errno::NOENT));
    set(&b, "2").and(set(&a, "1")).and(set(&a, "3")).expect("keys can be set");
    assert_eq!((read(&a), read(&b)), (Ok(bytes("3")), Ok(bytes("2"))));
    assert_eq!(mine(), [a.clone(), b.clone()]);
    let remove = |key: &String| administer(s, ClusterChange::RemoveConfigKey { key: key.clone() });
    remove(&a).and(remove(&b)).expect("they are there");
    assert_eq!((remove(&a), mine().len()), (Err(Errno::NOENT), 0));
}

pub fn the_oldest_client_is_luminous_until_it_is_set(s: &Subject) {
    if s.is_ceph() {
        // One setting for the whole cluster, and other tests are at work there.
        return;
    }
    let release = || {
        let release = s.wait(s.store.min_compat_client());
        assert_eq!(release, s.wait(s.store.status()).min_compat_client);
        release
    };
    let set = |release: &str| {
        administer(s, ClusterChange::SetMinCompatClient { release: release.to_owned() })
    };
    assert_eq!(release(), "luminous");
    set("mimic").expect("a release");
    assert_eq!(release(), "mimic");
    assert_eq!(set("potato"), Err(Errno::INVAL));
    assert_eq!(release(), "mimic");
}

pub fn a_store_has_one_identity(s: &Subject) {
    let (here, there) = (s.wait(s.store.status()), s.wait(s.client().status()));
    assert_eq!(here.fsid, there.fsid);
    assert_eq!(here.fsid.len(), 36, "a UUID in text form: {}", here.fsid);
    assert!(here.space.available_bytes <= here.space.total_bytes);
}

fn write(store: &dyn Store, id: &ObjectId) -> Result<(), Errno> {
    let op = WriteOp::new(vec![put(0, "x")]);
    block_on(store.write(id, op)).map(|_| ()).map_err(|error| error.errno)
}

pub fn a_blocklisted_client_can_do_nothing(s: &Subject) {
    let (id, other) = (s.object("o"), s.client());
    write(&*other, &id).expect("not yet on the list");
    let mut watch = s.wait(other.watch(&id));
    let address = other.client_address();
    administer(s, ClusterChange::AddBlocklist { address: address.clone() }).expect("any address");
    // An OSD learns of it from the first who knows: what that client does next comes after.
    write(&*s.store, &id).expect("others go on");
    assert_eq!(write(&*other, &id), Err(Errno::BLOCKLISTED));
    let read = block_on(other.read(&id, SnapId::HEAD, ReadOp::single(ReadStep::Stat)));
    assert_eq!(read.map_err(|error| error.errno), Err(Errno::BLOCKLISTED));
    assert!(matches!(block_on(watch.events.next()), Some(WatchEvent::Lost(_))));
    assert_eq!(s.wait(s.store.list_watchers(&id)), [], "its watch is gone");
    assert!(s.wait(s.store.status()).blocklist.contains(&address));
    write(&*s.store, &id).expect("others go on");
}

pub fn a_client_taken_off_the_blocklist_goes_on(s: &Subject) {
    let (id, other) = (s.object("o"), s.client());
    let address = other.client_address();
    administer(s, ClusterChange::AddBlocklist { address: address.clone() }).expect("any address");
    let remove = || administer(s, ClusterChange::RemoveBlocklist { address: address.clone() });
    remove().expect("it is on the list");
    assert_eq!(remove(), Err(Errno::NOENT));
    assert!(!s.wait(s.store.status()).blocklist.contains(&address));
    // As with going onto the list, an OSD learns of it from the first who knows.
    write(&*s.store, &id).expect("others go on");
    write(&*other, &id).expect("it is off the list");
}
