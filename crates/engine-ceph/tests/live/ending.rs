//! Processes that end while a connection is in use, or just being ended by another thread.
//!
//! librados cleans up after itself when a process exits: under its own threads, or under one of
//! ours in its shutdown, that ends in a crash or an abort. Each case runs in many child processes,
//! which must all end with the status that they chose.

use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use marcot_engine_ceph::{CephCluster, ConnectOptions, Ends};
use marcot_store::{ObjectId, ReadOp, ReadStep, SnapId, Store, WriteOp, WriteStep};
use pollster::block_on;

/// Set for a child: what it does, and its number.
const ROLE: &str = "MARCOT_TEST_ENDING";
const STATUS: i32 = 7;
const LEAVES_NOTHING: &str = "and leaves no file behind ";
/// Children of a case; `MARCOT_TEST_ENDINGS` asks for more.
const ENDINGS: u32 = 12;

fn object(store: &dyn Store) -> ObjectId {
    ObjectId::new(crate::pool(store), "", "marcot-probe-ending")
}

/// Where clients of this build put their admin sockets.
fn sockets() -> &'static str {
    concat!(env!("CARGO_TARGET_TMPDIR"), "/ending")
}

fn connect_with_a_socket() {
    let conf = crate::configuration(crate::CONF).expect("a cluster");
    let socket = ("admin_socket".to_owned(), format!("{}/$pid.asok", sockets()));
    let (ends, overrides) = (Ends::WithProcess, vec![socket]);
    let options = ConnectOptions { ends, overrides, ..crate::options(&conf, None) };
    let store = CephCluster::connect(&options).expect("connect");
    let files = std::fs::read_dir(sockets()).expect("a folder").count();
    assert_eq!(files, 1, "librados makes it when it connects");
    drop(store);
}

/// Starts what nobody waits for.
fn busy(store: &dyn Store, object: &ObjectId, requests: usize) {
    for _ in 0..requests {
        let whole = ReadOp::single(ReadStep::Read { offset: 0, length: 1 << 20 });
        drop(store.read(object, SnapId::HEAD, whole));
        let data = Bytes::from_static(b"written at the end");
        drop(store.write(object, WriteOp::new(vec![WriteStep::Write { offset: 0, data }])));
    }
}

/// The child's work; never returns in a child.
fn child(case: &str) {
    let Ok(role) = std::env::var(ROLE) else { return };
    let Some(number) = role.strip_prefix(case).and_then(|rest| rest.parse::<u64>().ok()) else {
        return;
    };
    if case == LEAVES_NOTHING {
        // Alone, as in a command: a second connection would find the first one's clean-up in place.
        connect_with_a_socket();
        std::process::exit(STATUS);
    }
    let store = crate::cluster().expect("a cluster");
    let object = object(&*store);
    let pause = Duration::from_micros(number * 137 % 3000);
    match case {
        "with requests in flight " => busy(&*store, &object, 20),
        "while another thread lets go " => {
            busy(&*store, &object, 3);
            let other = Arc::clone(&store);
            drop(store);
            thread::spawn(move || drop(other));
            thread::sleep(pause);
        }
        "while others go on " => {
            let _watch = block_on(store.watch(&object)).expect("watch");
            for _ in 0..3 {
                let (store, object) = (Arc::clone(&store), object.clone());
                thread::spawn(move || {
                    loop {
                        busy(&*store, &object, 1);
                        let _ = block_on(store.list_pools());
                    }
                });
            }
            thread::sleep(pause);
        }
        "and its connection with it " => {
            let conf = crate::configuration(crate::CONF).expect("a cluster");
            let options = ConnectOptions { ends: Ends::WithProcess, ..crate::options(&conf, None) };
            let left = CephCluster::connect(&options).expect("connect");
            let watch = block_on(left.watch(&object)).expect("watch");
            busy(&*left, &object, 3);
            drop((left, watch));
            // That one is not shut down, and does not mind one that is.
            drop(store);
        }
        other => panic!("no such case: {other}"),
    }
    std::process::exit(STATUS);
}

fn endings(case: &str, test: &str) {
    child(case);
    let Some(store) = crate::cluster() else { return };
    let object = object(&*store);
    let data = Bytes::from(vec![7; 1 << 20]);
    let write = WriteOp::new(vec![WriteStep::WriteFull { data }]);
    block_on(store.write(&object, write)).expect("write");
    let asked = std::env::var("MARCOT_TEST_ENDINGS").ok().and_then(|text| text.parse().ok());
    for number in 0..asked.unwrap_or(ENDINGS) {
        let this = std::env::current_exe().expect("this program");
        let mut process = Command::new(this);
        process.args([test, "--exact"]).env(ROLE, format!("{case}{number}"));
        let output = process.output().expect("a child process");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(STATUS), "{case}{number}: {}: {said}", output.status);
    }
}

#[test]
fn a_process_ends_with_requests_in_flight() {
    endings("with requests in flight ", "ending::a_process_ends_with_requests_in_flight");
}

#[test]
fn a_process_ends_and_its_connection_with_it() {
    let test = "ending::a_process_ends_and_its_connection_with_it";
    endings("and its connection with it ", test);
    let Some(store) = crate::cluster() else { return };
    let object = object(&*store);
    assert_eq!(block_on(store.list_watchers(&object)), Ok(vec![]), "watches are ended before");
}

#[test]
fn a_process_ends_and_leaves_no_file_behind() {
    std::fs::create_dir_all(sockets()).expect("a folder");
    let test = "ending::a_process_ends_and_leaves_no_file_behind";
    endings(LEAVES_NOTHING, test);
    let left = std::fs::read_dir(sockets()).expect("a folder").count();
    std::fs::remove_dir_all(sockets()).expect("ours");
    assert_eq!(left, 0);
}

#[test]
fn a_process_ends_while_another_thread_lets_go() {
    endings("while another thread lets go ", "ending::a_process_ends_while_another_thread_lets_go");
}

#[test]
fn a_process_ends_while_others_go_on() {
    endings("while others go on ", "ending::a_process_ends_while_others_go_on");
}
