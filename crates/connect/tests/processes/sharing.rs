//! Commands and hosts at once on one store.

use std::io::Read;
use std::path::Path;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use marcot_connect::{ConnectError, Lifetime, Reached, StoreSpec};
use marcot_store::{ClusterChange, Errno};

use crate::counting::{check, count_on};
use crate::roles::{Role, StoreDirectory, connect, impatient, owner, start};

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
