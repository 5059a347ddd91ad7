//! Owners that are killed, stopped or told to end while their clients work.

use std::net::TcpListener;
use std::path::Path;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::{Either, join, join_all, select};
use marcot_host::client::{DialError, FindError, FindOwner, Patience, RemoteStore, ResidentOwner};
use marcot_host::socket;
use marcot_store::op::CreateMode;
use marcot_store::watch::{Acknowledgement, WatchEvent};
use marcot_store::{
    Cluster, Errno, ObjectId, Objects, ReadOp, ReadResult, ReadStep, SnapId, Snapshots, Watches,
    WriteOp, WriteStep,
};
use rustix::process::Signal;

use crate::jobs::{greeting_of, job};
use crate::roles::{StoreDirectory, connect, host_program, owner, signal, start, stop};
use crate::served::first_object;

const CLIENTS: u32 = 3;
const ROUNDS: u64 = 300;
/// Owners that are made to die; then the clients may finish in peace.
const DEATHS: u64 = 25;
/// Requests of a client under way at once.
const DEPTH: u64 = 8;

fn counter(first: &ObjectId, number: u32) -> ObjectId {
    ObjectId::new(first.pool, "", format!("counter{number}"))
}

fn marker(first: &ObjectId, number: u32, count: u64) -> ObjectId {
    ObjectId::new(first.pool, "", format!("marker{number}.{count}"))
}

/// Counts up by an operation that fails when it runs twice or out of turn.
fn count_from(count: u64) -> WriteOp {
    let bytes = |count: u64| Bytes::copy_from_slice(&count.to_le_bytes());
    WriteOp::new(vec![
        WriteStep::CompareExtent { offset: 0, data: bytes(count) },
        WriteStep::Write { offset: 0, data: bytes(count + 1) },
    ])
}

fn create() -> WriteOp {
    WriteOp::new(vec![WriteStep::Create(CreateMode::Exclusive)])
}

/// The client role: changes none of which may be lost or run twice, many under way at once.
pub(crate) fn client(directory: &Path, number: u32) {
    let store = connect(directory, Patience::default());
    pollster::block_on(async {
        let first = ObjectId::new(store.list_pools().await.unwrap()[0].id, "", "object");
        for round in 0..ROUNDS {
            let counts = round * DEPTH..(round + 1) * DEPTH;
            let requests: Vec<_> = counts
                .map(|count| {
                    let marked = store.write(&marker(&first, number, count), create());
                    let counted = store.write(&counter(&first, number), count_from(count));
                    join(marked, counted)
                })
                .collect();
            let snap = store.create_snap_id(first.pool).await;
            for (marked, counted) in join_all(requests).await {
                marked.expect("a marker is made once");
                counted.expect("each number is counted once, in turn");
            }
            snap.expect("a snapshot id");
        }
    });
}

#[test]
fn no_change_is_lost_or_repeated_when_owners_die() {
    let directory = StoreDirectory::new();
    let store = connect(directory.path(), Patience::default());
    let first = pollster::block_on(first_object(&*store));
    let before = pollster::block_on(store.create_snap_id(first.pool)).unwrap();
    let mut clients: Vec<_> =
        (0..CLIENTS).map(|number| start("client", directory.path(), number)).collect();
    let mut deaths = 0;
    while clients.iter_mut().any(|client| client.try_wait().unwrap().is_none()) {
        thread::sleep(Duration::from_millis(5 + deaths * 7 % 31));
        if let Some(pid) = owner(directory.path()).filter(|_| deaths < DEATHS) {
            // Every fourth is asked to go, and hands over.
            signal(pid, if deaths % 4 == 3 { Signal::TERM } else { Signal::KILL });
            deaths += 1;
        }
    }
    for mut client in clients {
        assert!(client.wait().unwrap().success());
    }
    assert!(deaths >= 3, "only {deaths} owners died: nothing was tried");
    pollster::block_on(async {
        for number in 0..CLIENTS {
            let read = ReadOp::single(ReadStep::Read { offset: 0, length: 8 });
            let found = store.read(&counter(&first, number), SnapId::HEAD, read).await.unwrap();
            let count = (ROUNDS * DEPTH).to_le_bytes();
            assert_eq!(found, [ReadResult::Data(Bytes::copy_from_slice(&count))]);
            for count in 0..ROUNDS * DEPTH {
                let there = ReadOp::single(ReadStep::AssertExists);
                store.read(&marker(&first, number, count), SnapId::HEAD, there).await.unwrap();
            }
        }
        let after = store.create_snap_id(first.pool).await.unwrap();
        assert_eq!(after.0 - before.0, u64::from(CLIENTS) * ROUNDS + 1, "ids made twice");
    });
}

#[test]
fn of_several_hosts_one_serves_and_the_others_go() {
    let directory = StoreDirectory::new();
    let mut hosts: Vec<_> = (0..4).map(|_| start("host", directory.path(), 0)).collect();
    let store = connect(directory.path(), Patience::default());
    let serving = store.owner();
    for host in hosts.iter_mut().filter(|host| host.id() != serving) {
        assert!(host.wait().unwrap().success());
    }
    pollster::block_on(first_object(&*store));
    drop(store);
    for mut host in hosts {
        assert!(host.wait().unwrap().success());
    }
}

#[test]
fn a_stopped_owner_is_waited_for_and_never_robbed() {
    let directory = StoreDirectory::new();
    let patience = Patience {
        greeting: Duration::from_millis(300),
        silence: Duration::from_millis(300),
        ..Patience::default()
    };
    let store = connect(directory.path(), patience);
    pollster::block_on(first_object(&*store));
    let pid = owner(directory.path()).unwrap();
    stop(pid);
    let error = pollster::block_on(store.list_pools()).unwrap_err();
    assert_eq!(error.errno, Errno::TIMEDOUT);
    let finder =
        ResidentOwner::new(directory.path().into(), host_program(directory.path()), patience);
    let error = finder.find(None).unwrap_err();
    assert!(matches!(error, FindError::Dial(DialError::Silent { .. })), "{error}");
    signal(pid, Signal::CONT);
    let pools = loop {
        // A busy machine may need longer than this test's patience.
        match pollster::block_on(store.list_pools()) {
            Err(error) if error.errno == Errno::TIMEDOUT => {}
            pools => break pools.unwrap(),
        }
    };
    assert_eq!(pools.len(), 1);
    assert_eq!(owner(directory.path()), Some(pid), "another host took the store");
}

/// Answers one notification.
async fn answer(store: &RemoteStore, object: &ObjectId, watch: &mut marcot_store::watch::Watch) {
    let Some(WatchEvent::Notified(notification)) = watch.events.next().await else {
        panic!("the watch was lost");
    };
    let ack = Acknowledgement {
        object: object.clone(),
        handle: watch.handle,
        id: notification.id,
        payload: Bytes::from_static(b"here"),
    };
    store.acknowledge(ack).await.unwrap();
}

#[test]
fn a_watch_goes_on_with_the_next_owner() {
    let directory = StoreDirectory::new();
    let store = connect(directory.path(), Patience::default());
    pollster::block_on(async {
        let object = first_object(&*store).await;
        store.write(&object, create()).await.unwrap();
        let mut watch = store.watch(&object).await.unwrap();
        for _ in 0..2 {
            signal(owner(directory.path()).unwrap(), Signal::KILL);
            // The watch is registered again before anything else is asked of the new owner. The
            // old one may have passed the notification on before it died: then it comes twice.
            let told = store.notify(&object, Bytes::new(), Duration::from_secs(60));
            let answers = async {
                loop {
                    answer(&store, &object, &mut watch).await;
                }
            };
            let Either::Left((outcome, _)) = select(told, pin!(answers)).await;
            assert_eq!(outcome.unwrap().acks.len(), 1);
        }
    });
}

#[test]
fn a_job_goes_on_with_the_next_owner_on_the_same_socket() {
    let directory = StoreDirectory::new();
    let store = connect(directory.path(), Patience::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let path = directory.path().to_owned();
    let user = thread::spawn(move || {
        for _ in 0..3 {
            assert_eq!(greeting_of(address), "hello");
            signal(owner(&path).unwrap(), Signal::KILL);
        }
        // Connects while nobody is there: the socket waits for the next owner.
        assert_eq!(greeting_of(address), "hello");
    });
    let mut starts = 0;
    let ended = pollster::block_on(store.keep_running(
        || Ok(job(&listener)),
        |running| {
            starts += 1;
            if starts == 4 {
                while !user.is_finished() {
                    thread::sleep(Duration::from_millis(2));
                }
                store.stop_job(running);
            }
        },
    ));
    assert_eq!(ended.unwrap(), "stopped");
    user.join().unwrap();
}

#[test]
fn a_client_with_nothing_to_do_starts_no_host() {
    let directory = StoreDirectory::new();
    let store = connect(directory.path(), Patience::default());
    pollster::block_on(first_object(&*store));
    let pid = owner(directory.path()).unwrap();
    signal(pid, Signal::TERM);
    while owner(directory.path()).is_some() {
        thread::sleep(Duration::from_millis(2));
    }
    // Long enough for a host to appear, if one were started.
    thread::sleep(Duration::from_millis(100));
    assert_eq!(owner(directory.path()), None);
    assert_eq!(pollster::block_on(store.list_pools()).unwrap().len(), 1);
    assert_ne!(owner(directory.path()), Some(pid));
}

#[test]
fn a_host_that_cannot_start_is_an_error_with_its_last_words() {
    let directory = StoreDirectory::new();
    let mut program = host_program(directory.path());
    program.program = "/bin/ls".into();
    program.arguments = vec!["/no/such/path".into()];
    let finder = ResidentOwner::new(directory.path().into(), program, Patience::default());
    let error = finder.find(None).unwrap_err();
    assert!(error.to_string().contains("No such file"), "{error}");
    assert!(socket::connect(directory.path()).unwrap().is_none());
}
