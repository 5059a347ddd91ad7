//! Commands and hosts at once on one store.

use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use marcot_connect::{ConnectError, Lifetime, Reached, StoreSpec};
use marcot_store::{ClusterChange, Errno};

use rustix::process::Signal;

use crate::counting::{check, count_on, snap_id};
use crate::roles::{Role, StoreDirectory, connect, connector, impatient, owner, signal, start};

fn spec(directory: &Path) -> StoreSpec {
    StoreSpec::Dir(directory.to_owned())
}

/// A process that holds the store in process, as a short command does.
fn holder(directory: &Path) -> Child {
    let mut holder = start(Role::Holder, directory, 0, 0);
    let mut said = String::new();
    let out = holder.stdout.as_mut().unwrap();
    while !said.contains("holding") {
        let mut byte = [0];
        out.read_exact(&mut byte).unwrap();
        said.push(byte[0].into());
    }
    holder
}

fn end(mut holder: Child) {
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[test]
fn short_commands_wait_for_each_other() {
    let directory = StoreDirectory::new();
    let commands: Vec<_> =
        (0..4).map(|number| start(Role::Transient, directory.path(), number, 10)).collect();
    for mut command in commands {
        assert!(command.wait().unwrap().success());
    }
    let connection = connect(directory.path(), Lifetime::Transient);
    assert_eq!(connection.reached, Reached::InProcess);
    pollster::block_on(check(&*connection.store, 4, 10));
    assert_eq!(owner(directory.path()), None, "a short command became a server");
}

#[test]
fn a_new_store_is_private_and_holds_the_pool_rbd() {
    use std::os::unix::fs::MetadataExt;
    let top = tempfile::tempdir().unwrap();
    let path = top.path().join("new");
    let connection = connect(&path, Lifetime::Transient);
    let pools = pollster::block_on(connection.store.list_pools()).unwrap();
    assert_eq!(pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>(), ["rbd"]);
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o700);
    for file in std::fs::read_dir(&path).unwrap() {
        assert_eq!(file.unwrap().metadata().unwrap().mode() & 0o7777, 0o600);
    }
    // It is made once: a pool that was removed stays away.
    let removal = ClusterChange::RemovePool { name: "rbd".into() };
    pollster::block_on(connection.store.administer(removal)).unwrap();
    drop(connection);
    let connection = connect(&path, Lifetime::Transient);
    assert_eq!(pollster::block_on(connection.store.list_pools()).unwrap(), []);
}

#[test]
fn who_waits_is_told_for_whom_and_gives_up_in_the_end() {
    let directory = StoreDirectory::new();
    let holder = holder(directory.path());
    let told = Arc::new(Mutex::new(Vec::new()));
    let hearing = Arc::clone(&told);
    let mut connector = impatient(Duration::from_millis(100));
    connector.notice_after = Duration::from_millis(20);
    connector.notice = Some(Arc::new(move |text: &str| {
        hearing.lock().unwrap().push(text.to_owned());
    }));
    let error = connector.connect(&spec(directory.path()), Lifetime::Transient).unwrap_err();
    assert!(matches!(error, ConnectError::Busy { .. }), "{error}");
    assert_eq!(error.errno(), Errno::BUSY);
    let process = format!("process {}", holder.id());
    assert!(error.to_string().contains(&process), "{error}");
    let told = told.lock().unwrap();
    assert!(told.len() == 1 && told[0].contains(&process), "{told:?}");
    end(holder);
}

#[test]
fn who_waits_gets_the_store_when_its_holder_dies() {
    let directory = StoreDirectory::new();
    let holder = holder(directory.path());
    let path = directory.path().to_owned();
    let waiting = thread::spawn(move || connect(&path, Lifetime::Transient).reached);
    thread::sleep(Duration::from_millis(30));
    assert!(!waiting.is_finished(), "the store was taken from a live process");
    end(holder);
    assert_eq!(waiting.join().unwrap(), Reached::InProcess);
}

#[test]
fn a_host_waits_for_a_short_command_and_then_serves_all() {
    let directory = StoreDirectory::new();
    let holder = holder(directory.path());
    let path = directory.path().to_owned();
    let lasting = thread::spawn(move || connect(&path, Lifetime::Resident));
    thread::sleep(Duration::from_millis(30));
    end(holder);
    let lasting = lasting.join().unwrap();
    let Reached::Host(pid) = lasting.reached else { panic!("{lasting:?}") };
    let short = connect(directory.path(), Lifetime::Transient);
    assert_eq!(short.reached, Reached::Host(pid));
    pollster::block_on(async {
        count_on(&*lasting.store, 0, 2).await;
        count_on(&*short.store, 1, 2).await;
        check(&*short.store, 2, 2).await;
    });
}

#[test]
fn nothing_is_lost_or_repeated_when_hosts_die_under_commands_of_all_kinds() {
    const ROUNDS: u64 = 40;
    const DEATHS: u64 = 15;
    let directory = StoreDirectory::new();
    let before = {
        let connection = connect(directory.path(), Lifetime::Transient);
        pollster::block_on(snap_id(&*connection.store))
    };
    let kinds = [Role::Resident, Role::Transient, Role::Resident];
    let mut processes: Vec<_> = (0..)
        .zip(kinds)
        .map(|(number, kind)| start(kind, directory.path(), number, ROUNDS))
        .collect();
    let mut deaths = 0;
    while processes.iter_mut().any(|process| process.try_wait().unwrap().is_none()) {
        thread::sleep(Duration::from_millis(10 + deaths * 7 % 31));
        if let Some(pid) = owner(directory.path()).filter(|_| deaths < DEATHS) {
            // Every fourth is asked to go, and hands over.
            signal(pid, if deaths % 4 == 3 { Signal::TERM } else { Signal::KILL });
            deaths += 1;
        }
    }
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    assert!(deaths >= 3, "only {deaths} hosts died: nothing was tried");
    let connection = connector().connect(&spec(directory.path()), Lifetime::Transient).unwrap();
    pollster::block_on(async {
        check(&*connection.store, 3, ROUNDS).await;
        let made = snap_id(&*connection.store).await - before;
        assert_eq!(made, 3 * ROUNDS + 1, "snapshot ids made");
    });
}
