//! Large writes, whose bytes librados is lent: it has let go of them when they may be used again, and
//! what was written is what they were, however the operation, its client or its connection went on.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use marcot_engine_ceph::{CephCluster, ConnectOptions};
use marcot_store::{Errno, ObjectId, ReadResult, ReadStep, Store, WriteOp, WriteStep};
use pollster::block_on;

use super::{CONF, cluster, configuration, pool, read, write};

const LENGTH: usize = 1 << 20;

/// Bytes that tell which write they are of, and where they belong.
fn pattern(number: usize) -> Bytes {
    Bytes::from_iter((0..LENGTH).map(|at| (number * 31 + at / 512 + at) as u8))
}

fn op(data: &Bytes) -> WriteOp {
    WriteOp::new(vec![WriteStep::Write { offset: 0, data: data.clone() }])
}

/// Overwrites the bytes if nobody shares them; otherwise they come back.
fn use_again(bytes: Bytes) -> Result<(), Bytes> {
    bytes.try_into_mut().map(|mut bytes| bytes.fill(0xEE))
}

fn holds(store: &dyn Store, object: &ObjectId, number: usize) -> bool {
    let whole = ReadStep::Read { offset: 0, length: LENGTH as u64 + 1 };
    read(store, object, whole) == Ok(ReadResult::Data(pattern(number)))
}

/// Waits until the bytes are nobody else's, and overwrites them.
fn use_when_free(mut bytes: Bytes) {
    while let Err(shared) = use_again(bytes) {
        bytes = shared;
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[test]
fn bytes_are_free_when_their_write_is_acknowledged() {
    let Some(store) = cluster() else { return };
    let object = ObjectId::new(pool(&*store), "", "marcot-lent");
    for number in 0..30 {
        let data = pattern(number);
        block_on(store.write(&object, op(&data))).expect("write");
        use_again(data).expect("librados has let go");
        assert!(holds(&*store, &object, number), "write {number}");
    }
    assert_eq!(write(&*store, &object, WriteStep::Remove), Ok(()));
    let data = pattern(0);
    let guarded = vec![WriteStep::AssertExists, WriteStep::Write { offset: 0, data }];
    let refused = block_on(store.write(&object, WriteOp::new(guarded)));
    assert_eq!(refused.map_err(|error| error.errno), Err(Errno::NOENT));
    assert_eq!(read(&*store, &object, ReadStep::Stat), Err(Errno::NOENT));
}

/// A client of its own with one more option.
fn client_with(option: &str, value: &str) -> Option<Arc<dyn Store>> {
    let options = ConnectOptions {
        conf: Some(configuration(CONF)?.into()),
        overrides: vec![(option.to_owned(), value.to_owned())],
        ..ConnectOptions::default()
    };
    Some(CephCluster::connect(&options).expect("connect"))
}

/// A client whose connections break at every so many reads and writes sends again and again.
#[test]
fn bytes_that_are_sent_again_are_what_they_were() {
    let Some(other) = cluster() else { return };
    let store = client_with("ms_inject_socket_failures", "40").expect("a cluster");
    let pool = pool(&*other);
    let object = |number| ObjectId::new(pool, "", format!("marcot-sent-again-{number}"));
    let mut lent = VecDeque::new();
    for number in 0..120 {
        let data = pattern(number);
        drop(store.write(&object(number), op(&data)));
        lent.push_back(data);
        if lent.len() == 8 {
            lent.pop_front().into_iter().for_each(use_when_free);
        }
    }
    lent.into_iter().for_each(use_when_free);
    for number in 0..120 {
        assert!(holds(&*other, &object(number), number), "write {number}");
        assert_eq!(write(&*other, &object(number), WriteStep::Remove), Ok(()));
    }
}

/// The OSDs of the cluster, which stand still until this is dropped.
struct Stopped(Vec<String>);

impl Stopped {
    fn all() -> Option<Stopped> {
        let run = Path::new(&configuration(CONF)?).parent()?.join("run");
        let entries = std::fs::read_dir(run).expect("the cluster's folder");
        let files = entries.map(|entry| entry.expect("an entry").path());
        let osds = files.filter(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("osd.") && name.ends_with(".pid")
        });
        let pids = osds.map(|file| std::fs::read_to_string(file).expect("a number"));
        let stopped = Stopped(pids.map(|pid| pid.trim().to_owned()).collect());
        assert!(!stopped.0.is_empty());
        stopped.signal("-STOP");
        Some(stopped)
    }

    fn signal(&self, signal: &str) {
        let mut kill = Command::new("kill");
        assert!(kill.arg(signal).args(&self.0).status().expect("kill").success());
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}

/// The operation has ended, and its message is still to be sent.
#[test]
fn bytes_of_a_write_that_timed_out_stay_while_they_may_be_sent() {
    const WRITES: usize = 48;
    let Some(other) = cluster() else { return };
    let store = client_with("rados_osd_op_timeout", "1").expect("a cluster");
    let pool = pool(&*other);
    let object = |number| ObjectId::new(pool, "", format!("marcot-timed-out-{number}"));
    for number in 0..WRITES {
        // The connections are there, and every later operation is sent on them at once.
        block_on(store.write(&object(number), WriteOp::new(vec![WriteStep::Truncate { size: 0 }])))
            .expect("create");
    }
    let stopped = Stopped::all().expect("a cluster");
    let lent: Vec<Bytes> = (0..WRITES).map(pattern).collect();
    let writes =
        lent.iter().enumerate().map(|(number, data)| store.write(&object(number), op(data)));
    let ended = block_on(join_all(writes));
    assert!(
        ended
            .iter()
            .all(|result| { result.as_ref().is_err_and(|error| error.errno == Errno::TIMEDOUT) })
    );
    let mut shared: Vec<Bytes> =
        lent.into_iter().filter_map(|data| use_again(data).err()).collect();
    let kept = shared.len();
    drop(stopped);
    while !shared.is_empty() {
        let _ = block_on(store.write(&object(0), op(&pattern(0))));
        shared = shared.into_iter().filter_map(|data| use_again(data).err()).collect();
    }
    for number in 0..WRITES {
        // What never left this process was given up.
        let whole = ReadStep::Read { offset: 0, length: LENGTH as u64 + 1 };
        let found = read(&*other, &object(number), whole).expect("read");
        let given_up = ReadResult::Data(Bytes::new());
        assert!(found == given_up || found == ReadResult::Data(pattern(number)), "write {number}");
        assert_eq!(write(&*other, &object(number), WriteStep::Remove), Ok(()));
    }
    assert_ne!(kept, 0, "all had left this process, or nothing was lent");
}

#[test]
fn bytes_stay_while_nobody_waits_for_their_write() {
    let Some(store) = cluster() else { return };
    let object = ObjectId::new(pool(&*store), "", "marcot-lent-dropped");
    for number in 0..10 {
        let data = pattern(number);
        drop(store.write(&object, op(&data)));
        use_when_free(data);
        // Behind the first: one client's operations on an object keep their order.
        assert!(holds(&*store, &object, number), "write {number}");
    }
    assert_eq!(write(&*store, &object, WriteStep::Remove), Ok(()));
}

#[test]
fn bytes_stay_while_their_connection_ends() {
    let Some(other) = cluster() else { return };
    let object = ObjectId::new(pool(&*other), "", "marcot-lent-at-the-end");
    for number in 0..5 {
        let store: Arc<dyn Store> = cluster().expect("a cluster");
        let data = pattern(number);
        drop(store.write(&object, op(&data)));
        let ending = std::thread::spawn(move || drop(store));
        use_when_free(data);
        ending.join().expect("the end");
        assert!(holds(&*other, &object, number), "write {number}");
    }
    assert_eq!(write(&*other, &object, WriteStep::Remove), Ok(()));
}
