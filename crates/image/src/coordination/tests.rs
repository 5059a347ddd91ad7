//! Several clients of one image: who writes, what they learn of each other, who is thrown out.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::mpsc::unbounded;
use futures_util::StreamExt;
use futures_util::future::join;
use marcot_format::call::lock::{GetInfo, Lock};
use marcot_format::lock::{LockInfo, LockKind, RBD_LOCK};
use marcot_format::notify::{NotifyMessage, NotifyResponse};
use marcot_format::object_map::ObjectState;
use marcot_format::{Encode, Utime};
use marcot_store::memory::{MemoryCluster, MemoryOptions};
use marcot_store::watch::{Acknowledgement, Watch, WatchEvent, Watcher};
use marcot_store::{ClusterChange, Env, Errno, PoolId};
use marcot_testkit::ThreadEnv;
use pollster::block_on;

use super::delegate::News;
use super::notify::owner_answer;
use super::{OwnerRequest, Quiesce};
use crate::class_call::{ask, tell};
use crate::operation::snapshot::CreateSnapshotOptions;
use crate::operation::{self, CreateOptions, ResizeOptions, image_meta};
use crate::{Access, Client, Config, Image, Location, NoProgress, OpenOptions, SnapKey};

struct World {
    cluster: Arc<MemoryCluster>,
    at: Location,
}

impl World {
    async fn new() -> World {
        let env = Arc::new(ThreadEnv::new(1));
        let options = MemoryOptions::hostile(5);
        let cluster = MemoryCluster::with_env(marcot_classes::all(), env, options);
        let pool = ClusterChange::CreatePool { name: "rbd".to_owned() };
        cluster.client().administer(pool).await.unwrap();
        let world = World { cluster, at: Location::new(PoolId(1), "") };
        let options = CreateOptions { size: 1 << 24, ..CreateOptions::default() };
        operation::create(&world.client(), &world.at, "disk", &options).await.unwrap();
        world
    }

    fn client(&self) -> Client {
        Client::new(self.cluster.client(), Arc::new(ThreadEnv::new(2)), Config::default())
    }

    async fn open(&self) -> Arc<Image> {
        let options = OpenOptions::name("disk", Access::ReadWrite);
        Image::open(&self.client(), &self.at, options).await.unwrap()
    }
}

async fn lockers(image: &Image) -> LockInfo {
    let call = GetInfo { name: RBD_LOCK.to_owned() };
    ask(image.store(), image.header_object(), &call).await.unwrap()
}

fn block(fill: u8) -> Bytes {
    Bytes::from(vec![fill; 4096])
}

#[test]
fn the_lock_goes_to_who_writes() {
    block_on(async {
        let world = World::new().await;
        let (one, two) = (world.open().await, world.open().await);
        assert!(lockers(&one).await.lockers.is_empty(), "opening takes no lock");
        for round in 0..3 {
            one.write(0, block(2 * round)).await.unwrap();
            assert!(one.coordination().is_lock_owner() && !two.coordination().is_lock_owner());
            two.write(4096, block(2 * round + 1)).await.unwrap();
            assert!(two.coordination().is_lock_owner() && !one.coordination().is_lock_owner());
        }
        let info = lockers(&two).await;
        let holder = info.lockers.keys().next().unwrap();
        assert_eq!(holder.locker.client_number(), Some(two.store().client_id().0));
        assert_eq!((info.kind, info.tag.as_str()), (LockKind::Exclusive, "internal"));
        assert_eq!(one.read(0, 8192).await.unwrap(), [block(4), block(5)].concat());
        one.close().await.unwrap();
        two.close().await.unwrap();
        assert!(lockers(&two).await.lockers.is_empty());
        assert!(two.store().list_watchers(two.header_object()).await.unwrap().is_empty());
    });
}

#[test]
fn writers_at_once_take_turns() {
    block_on(async {
        let world = World::new().await;
        let (one, two) = (world.open().await, world.open().await);
        let writes = |image: Arc<Image>, start: u64| async move {
            for index in 0..6 {
                let offset = (start + 2 * index) * 4096;
                image.write(offset, block((offset >> 12) as u8)).await.unwrap();
            }
        };
        join(writes(Arc::clone(&one), 0), writes(Arc::clone(&two), 1)).await;
        let read = one.read(0, 12 * 4096).await.unwrap();
        for (index, found) in read.chunks(4096).enumerate() {
            assert_eq!(found, block(index as u8));
        }
        one.close().await.unwrap();
        two.close().await.unwrap();
    });
}

#[test]
fn a_dead_owner_is_shut_out_before_its_lock_is_broken() {
    block_on(async {
        let world = World::new().await;
        let (dead, heir) = (world.open().await, world.open().await);
        dead.write(0, block(1)).await.unwrap();
        world.cluster.kill(dead.store().client_id());
        heir.write(4096, block(2)).await.unwrap();
        assert!(heir.coordination().is_lock_owner());
        let status = heir.store().status().await.unwrap();
        assert_eq!(status.blocklist, [dead.store().client_address()]);
        assert_eq!(heir.read(0, 4096).await.unwrap(), block(1));
        heir.close().await.unwrap();
    });
}

#[test]
fn a_lock_taken_by_hand_is_not_broken() {
    block_on(async {
        let world = World::new().await;
        let (holder, other) = (world.open().await, world.open().await);
        let lock = Lock {
            name: RBD_LOCK.to_owned(),
            kind: LockKind::Exclusive,
            cookie: "mine".to_owned(),
            tag: String::new(),
            description: String::new(),
            duration: Utime::default(),
            flags: 0,
        };
        tell(holder.store(), holder.header_object(), &lock).await.unwrap();
        let refused = other.write(0, block(1)).await.unwrap_err();
        assert_eq!(refused.errno(), Errno::BUSY);
        assert!(refused.to_string().contains("mine"), "{refused}");
    });
}

#[test]
fn a_notified_handle_refreshes_before_its_next_write() {
    block_on(async {
        let world = World::new().await;
        let (one, two) = (world.open().await, world.open().await);
        one.write(0, block(1)).await.unwrap();
        assert!(!two.is_stale() || two.refresh().await.is_ok());
        two.refresh().await.unwrap();
        one.notify_header_update().await.unwrap();
        assert!(two.is_stale(), "noted before the notifier goes on");
        two.read(0, 1).await.unwrap();
        assert!(!two.is_stale());
        one.close().await.unwrap();
        two.close().await.unwrap();
    });
}

#[test]
fn the_owner_runs_verbs_for_others() {
    block_on(async {
        let world = World::new().await;
        let (owner, other) = (world.open().await, world.open().await);
        owner.write(0, block(1)).await.unwrap();
        operation::snapshot::create(&other, "s").await.unwrap();
        assert!(owner.coordination().is_lock_owner(), "it was asked, not robbed");
        assert!(other.header().snapshot_by_name("s").is_some());
        owner.write(0, block(2)).await.unwrap();
        let options = ResizeOptions { allow_shrink: true };
        operation::resize(&other, 1 << 12, &options, &NoProgress).await.unwrap();
        assert_eq!((owner.header().size, other.header().size), (1 << 12, 1 << 12));
        assert_eq!(other.read(0, 4096).await.unwrap(), block(2));
        let again = operation::snapshot::create(&other, "s").await.unwrap_err();
        assert_eq!(again.errno(), Errno::EXIST);
        let at_snap = OpenOptions::name("disk", Access::ReadOnly).at(SnapKey::Name("s".to_owned()));
        let snap = Image::open(&world.client(), &world.at, at_snap).await.unwrap();
        assert_eq!(snap.read(0, 4096).await.unwrap(), block(1));
        owner.close().await.unwrap();
        other.close().await.unwrap();
    });
}

#[test]
fn the_owner_sparsifies_and_keeps_metadata_for_others() {
    block_on(async {
        let world = World::new().await;
        let (owner, other) = (world.open().await, world.open().await);
        owner.write(0, Bytes::from(vec![0; 1 << 22])).await.unwrap();
        owner.write(1 << 22, block(1)).await.unwrap();
        operation::sparsify(&other, 4096, &NoProgress).await.unwrap();
        let map = owner.current().object_map.clone().unwrap();
        let state = |number| map.state(number).unwrap();
        assert_eq!((state(0), state(1)), (ObjectState::Nonexistent, ObjectState::Exists));
        image_meta::set(&other, "k", "v").await.unwrap();
        assert_eq!(image_meta::get(&owner, "k").await.unwrap(), b"v");
        image_meta::remove(&other, "k").await.unwrap();
        let missing = image_meta::remove(&other, "k").await.unwrap_err();
        assert_eq!(missing.errno(), Errno::NOENT);
        let nonsense = image_meta::set(&other, "conf_rbd_nonsense", "1").await.unwrap_err();
        assert_eq!(nonsense.errno(), Errno::INVAL);
        assert!(owner.coordination().is_lock_owner(), "it was asked, not robbed");
        owner.close().await.unwrap();
        other.close().await.unwrap();
    });
}

#[test]
fn a_request_that_comes_again_is_not_run_again() {
    block_on(async {
        let world = World::new().await;
        let (owner, other) = (world.open().await, world.open().await);
        owner.write(0, block(1)).await.unwrap();
        let id = other.next_request();
        let asked = OwnerRequest::MetadataUpdate { key: "k".to_owned(), value: None };
        image_meta::set(&owner, "k", "v").await.unwrap();
        let (sender, mut ends) = unbounded();
        other.coordination().asked.lock().unwrap().insert(id, sender);
        let ask =
            || async { owner_answer(&other.notify(&asked.clone().message(id)).await.unwrap()) };
        assert_eq!(ask().await, Some(Ok(())));
        assert_eq!(ends.next().await, Some(News::Complete(Ok(()))));
        image_meta::set(&owner, "k", "again").await.unwrap();
        assert_eq!(ask().await, Some(Ok(())));
        assert_eq!(ends.next().await, Some(News::Complete(Ok(()))));
        assert_eq!(image_meta::get(&owner, "k").await.unwrap(), b"again");
        owner.close().await.unwrap();
        other.close().await.unwrap();
    });
}

#[test]
fn a_user_in_another_process_is_asked_to_pause() {
    block_on(async {
        let world = World::new().await;
        let taker = world.open().await;
        let watch = taker.store().watch(taker.header_object()).await.unwrap();
        let answers = Arc::new(AtomicI32::new(0));
        let heard = Arc::new(Mutex::new(Vec::new()));
        spawn_user(&taker, watch, Arc::clone(&answers), Arc::clone(&heard));
        // When the lock was taken is told beside, at some time.
        let names = || {
            let heard = std::mem::take(&mut *heard.lock().unwrap()).into_iter();
            heard.filter(|number| *number != 0).collect::<Vec<u32>>()
        };
        operation::snapshot::create(&taker, "s").await.unwrap();
        assert_eq!(names(), [18, 19, 3]);
        answers.store(-5, Ordering::SeqCst);
        let refused = operation::snapshot::create(&taker, "t").await.unwrap_err();
        assert_eq!(refused.errno(), Errno::IO);
        assert_eq!(names(), [18, 19], "who paused goes on");
        assert!(taker.header().snapshot_by_name("t").is_none());
        for (name, quiesce, told) in
            [("t", Quiesce::IgnoreErrors, &[18, 19, 3][..]), ("u", Quiesce::Skip, &[3])]
        {
            let options = CreateSnapshotOptions { quiesce, ..CreateSnapshotOptions::default() };
            operation::snapshot::create_with(&taker, name, &options).await.unwrap();
            assert_eq!(names(), told);
        }
        taker.close().await.unwrap();
    });
}

/// Watches an image as a block device would: hears every message, and answers those about pausing.
fn spawn_user(image: &Image, watch: Watch, answers: Arc<AtomicI32>, heard: Arc<Mutex<Vec<u32>>>) {
    let Watch { handle, mut events } = watch;
    let (store, object) = (Arc::clone(&image.client().store), image.header_object().clone());
    image.client().env.spawn(Box::pin(async move {
        while let Some(WatchEvent::Notified(note)) = events.next().await {
            let number = NotifyMessage::from_payload(&note.payload).unwrap().number();
            heard.lock().unwrap().push(number);
            let result = answers.load(Ordering::SeqCst);
            let payload = match number {
                18 | 19 => NotifyResponse { result }.to_bytes(),
                _ => Vec::new(),
            };
            let object = object.clone();
            let ack = Acknowledgement { object, handle, id: note.id, payload: payload.into() };
            store.acknowledge(ack).await.unwrap();
        }
    }));
}

#[test]
fn nobody_rolls_back_under_a_living_client() {
    block_on(async {
        let world = World::new().await;
        let (owner, other) = (world.open().await, world.open().await);
        operation::snapshot::create(&owner, "s").await.unwrap();
        owner.write(0, block(1)).await.unwrap();
        let refused = operation::snapshot::rollback(&other, "s", &NoProgress).await.unwrap_err();
        assert_eq!(refused.errno(), Errno::ROFS);
        owner.close().await.unwrap();
        operation::snapshot::rollback(&other, "s", &NoProgress).await.unwrap();
        assert_eq!(other.read(0, 4096).await.unwrap(), block(0));
        other.close().await.unwrap();
    });
}

#[test]
fn a_dropped_handle_lets_go_of_lock_and_watch() {
    block_on(async {
        let world = World::new().await;
        let (dropped, other) = (world.open().await, world.open().await);
        dropped.write(0, block(1)).await.unwrap();
        drop(dropped);
        other.write(0, block(2)).await.unwrap();
        assert!(other.store().status().await.unwrap().blocklist.is_empty());
        other.close().await.unwrap();
    });
}

/// Asks until it is so, and not for ever.
async fn until(mut so: impl AsyncFnMut() -> bool) {
    let env = ThreadEnv::new(3);
    for _ in 0..3000 {
        if so().await {
            return;
        }
        env.sleep(Duration::from_millis(10)).await;
    }
    panic!("it never comes about");
}

#[test]
fn a_lost_watch_is_registered_anew_when_that_works_again() {
    block_on(async {
        let world = World::new().await;
        let (lost, other) = (world.open().await, world.open().await);
        lost.read(0, 4096).await.unwrap();
        let address = lost.store().client_address();
        let shut_out = ClusterChange::AddBlocklist { address: address.clone() };
        other.store().administer(shut_out).await.unwrap();
        until(async || lost.coordination().is_unwatched()).await;
        let resize = async |size| {
            operation::resize(&other, size, &ResizeOptions::default(), &NoProgress).await.unwrap();
        };
        resize(2 << 24).await;
        let let_in = ClusterChange::RemoveBlocklist { address };
        other.store().administer(let_in).await.unwrap();
        // Whether or not it is watched already.
        lost.read(1 << 24, 4096).await.expect("the new size is known");
        resize(3 << 24).await;
        lost.read(2 << 24, 4096).await.expect("so is the next");
        let own = lost.store().client_id();
        let is_own = |watcher: &Watcher| watcher.client == own;
        until(async || {
            let watchers = other.store().list_watchers(other.header_object()).await;
            watchers.unwrap().iter().any(is_own)
        })
        .await;
        until(async || !lost.coordination().is_unwatched()).await;
        lost.refresh().await.unwrap();
        resize(4 << 24).await;
        assert!(lost.is_stale(), "it was told");
        lost.write(3 << 24, block(1)).await.unwrap();
        lost.close().await.unwrap();
        other.close().await.unwrap();
        let watchers = other.store().list_watchers(other.header_object()).await.unwrap();
        assert_eq!(watchers, []);
    });
}
