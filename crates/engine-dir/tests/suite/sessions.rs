//! Clients that go on with the next owner of their store.

use std::sync::Arc;

use marcot_engine_dir::device::{SimulatedVolume, Volume};
use marcot_engine_dir::{CreateOptions, DirEngine, OpenOptions, Threads};
use marcot_store::session::{Answer, Change, ProcessMark, Session, Stamp};
use marcot_store::{Errno, ObjectId, PoolId, WriteOp, WriteStep};
use marcot_testkit::{SampleClasses, ThreadEnv};
use pollster::block_on;

fn open(volume: &Arc<SimulatedVolume>) -> Arc<DirEngine> {
    let options = OpenOptions::new(Arc::new(SampleClasses), Arc::new(ThreadEnv::new(1)));
    let options = OpenOptions { threads: Threads::None, ..options };
    DirEngine::open_volume(Arc::clone(volume) as Arc<dyn Volume>, options).expect("it opens")
}

fn volume() -> Arc<SimulatedVolume> {
    let volume = SimulatedVolume::new();
    let create = CreateOptions::new(Arc::new(ThreadEnv::new(1)));
    DirEngine::create_on(&*volume, &create).expect("no failure is planned");
    volume
}

fn object() -> ObjectId {
    ObjectId::new(PoolId(1), "", "header")
}

fn change(session: &dyn Session, number: u64, change: Change) -> Answer {
    let stamp = Stamp { number, answered_below: 0 };
    block_on(session.change(stamp, change)).expect("there is room")
}

#[test]
fn a_change_sent_again_runs_once_also_at_the_next_owner() {
    let volume = volume();
    let process = ProcessMark { pid: 77, started: 5 };
    let append = || {
        let write = WriteStep::Create(marcot_store::op::CreateMode::Exclusive);
        Change::Write { object: object(), op: WriteOp::new(vec![write]).ordered() }
    };
    let (client, version, snap, watch) = {
        let sessions = open(&volume).sessions();
        let session = sessions.start(process).expect("there is room");
        let version = change(&*session, 1, append());
        assert_eq!(change(&*session, 1, append()), version, "at the same owner");
        let snap = change(&*session, 2, Change::CreateSnapId { pool: PoolId(1) });
        let watch = block_on(session.watch(&object())).expect("the object is there");
        (session.store().client_id(), version, snap, watch.handle)
    };
    // The owner dies, and power with it, after everything was synced.
    let volume = volume.after_process_death();
    for checkpoint in [true, false] {
        let engine = open(&volume);
        let sessions = engine.sessions();
        assert_eq!(sessions.dormant(), [(client, process)]);
        let watchers = block_on(sessions.client().list_watchers(&object()));
        assert_eq!(watchers.expect("it is there")[0].handle, watch, "listed until it comes back");
        let session = sessions.resume(client).expect("it is known");
        assert_eq!(session.store().client_id(), client);
        assert!(sessions.dormant().is_empty());
        assert_eq!(change(&*session, 1, append()), version);
        assert_eq!(change(&*session, 2, Change::CreateSnapId { pool: PoolId(1) }), snap);
        let again = block_on(session.rewatch(&object(), watch)).expect("the object is there");
        assert_eq!(again.handle, watch);
        if checkpoint {
            engine.checkpoint().expect("no failure is planned");
        }
    }
    let sessions = open(&volume).sessions();
    sessions.end(client);
    assert_eq!(sessions.resume(client).err().map(|error| error.errno), Some(Errno::STALE));
    assert!(sessions.client().client_id() > client);
}

#[test]
fn answers_that_the_client_holds_are_forgotten() {
    let sessions = open(&volume()).sessions();
    let session = sessions.start(ProcessMark { pid: 1, started: 1 }).expect("there is room");
    let create = || Change::CreateSnapId { pool: PoolId(1) };
    let first = change(&*session, 1, create());
    let stamp = Stamp { number: 2, answered_below: 2 };
    block_on(session.change(stamp, create())).expect("there is room");
    assert_ne!(change(&*session, 1, create()), first, "nobody would ask for it again");
}
