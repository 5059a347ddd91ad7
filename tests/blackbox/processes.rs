//! Commands beside a server whose host is killed: the real binary, as people run it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::store::Store;

/// What an NBD server says first, however long it takes to come up.
fn greeting(socket: &Path) -> [u8; 8] {
    let mut words = [0; 8];
    let mut stream = UnixStream::connect(socket).expect("the socket stays open");
    stream.read_exact(&mut words).expect("a greeting");
    words
}

#[test]
fn a_server_and_commands_go_on_when_the_host_is_killed() {
    let store = Store::new();
    let socket = store.path("nbd.sock");
    store.run(&["create", "--size", "16M", "image"]);
    assert_eq!(store.host(), None, "a short command became a server");
    let server = store.serve("image", &socket);
    let mut hosts = vec![store.host().expect("a host serves")];
    for round in 0..3 {
        assert_eq!(&greeting(&socket), b"NBDMAGIC");
        let name = format!("other{round}");
        store.run(&["create", "--size", "1M", &name]);
        store.kill_host();
        assert_eq!(&greeting(&socket), b"NBDMAGIC");
        assert!(store.run(&["ls"]).contains(&name));
        hosts.extend(store.host());
    }
    hosts.dedup();
    assert!(hosts.len() > 3, "the hosts were not killed: {hosts:?}");
    server.ask_to_end();
    assert!(UnixStream::connect(&socket).is_err(), "the socket outlives its server");
}

#[test]
fn an_export_ends_when_its_command_is_killed() {
    let store = Store::new();
    let socket = store.path("nbd.sock");
    store.run(&["create", "--size", "16M", "image"]);
    let mut server = store.serve("image", &socket);
    assert_eq!(&greeting(&socket), b"NBDMAGIC");
    server.0.kill().expect("ours to kill");
    server.0.wait().expect("an end");
    while UnixStream::connect(&socket).is_ok() {
        thread::sleep(Duration::from_millis(5));
    }
    store.run(&["rm", "--no-progress", "image"]);
}

#[test]
fn host_stop_ends_the_host_and_nothing_starts_another() {
    let store = Store::new();
    store.run(&["create", "--size", "1M", "image"]);
    let mut host = store.marcot(&["host", "--idle", "60"]).spawn().expect("a process");
    while store.host().is_none() {
        thread::sleep(Duration::from_millis(5));
    }
    let pid = store.host().map(|pid| pid.as_raw_nonzero().get());
    let status = store.run(&["host", "status", "--format", "json"]);
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["pid"].as_i64(), pid.map(i64::from));
    store.run(&["host", "stop"]);
    assert_eq!(store.run(&["host", "status"]), "the store has no host\n");
    assert!(host.wait().expect("an end").success());
    assert_eq!(store.host(), None);
    assert_eq!(store.run(&["ls"]), "image\n");
}

/// Ends a process that would otherwise wait for us for ever, and says how it ended.
fn ended(mut command: Command, while_it_runs: impl FnOnce(&mut std::process::Child)) -> bool {
    let mut child = command.spawn().expect("a process");
    while_it_runs(&mut child);
    child.wait().expect("an end").success()
}

/// What another command says while the store may be held: it must not have had to wait for it.
fn listed_at_once(store: &Store) -> String {
    let mut command = store.marcot(&["ls"]);
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("text");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.is_empty(), "it waited: {told}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn nobody_waits_for_who_feeds_an_import() {
    let store = Store::new();
    store.run(&["create", "--size", "1M", "other"]);
    let mut import = store.marcot(&["import", "--no-progress", "-", "fed"]);
    import.stdin(Stdio::piped());
    let imported = ended(import, |child| {
        let mut pipe = child.stdin.take().expect("it is a pipe");
        pipe.write_all(&[7; 1 << 20]).expect("it reads");
        assert!(listed_at_once(&store).contains("other"));
        pipe.write_all(&[8; 1 << 20]).expect("it reads on");
    });
    assert!(imported);
    let content = store.content("fed");
    assert_eq!(content.len(), 2 << 20);
    assert!(content[..1 << 20].iter().all(|byte| *byte == 7));
    assert!(content[1 << 20..].iter().all(|byte| *byte == 8));
}

#[test]
fn nobody_waits_for_who_reads_an_export() {
    let store = Store::new();
    let path = store.path("disk");
    std::fs::write(&path, vec![9; 4 << 20]).expect("a file");
    store.run(&["import", "--no-progress", path.to_str().expect("text"), "image"]);
    let mut export = store.marcot(&["export", "--no-progress", "image", "-"]);
    export.stdout(Stdio::piped());
    let exported = ended(export, |child| {
        let mut pipe = child.stdout.take().expect("it is a pipe");
        let mut content = vec![0; 4096];
        pipe.read_exact(&mut content).expect("the first bytes");
        // It cannot go on: the pipe is full, and nobody reads.
        assert_eq!(listed_at_once(&store), "image\n");
        pipe.read_to_end(&mut content).expect("the rest");
        assert!(content.len() == 4 << 20 && content.iter().all(|byte| *byte == 9));
    });
    assert!(exported);
}

#[test]
fn what_moves_much_goes_through_the_host() {
    let store = Store::new();
    let sparse = store.path("sparse");
    let file = File::create(&sparse).expect("a file");
    file.set_len(512 << 20).expect("room for nothing");
    let sparse = sparse.to_str().expect("text");
    store.run(&["create", "--size", "1M", "small"]);
    store.run(&["copy", "--no-progress", "small", "copied"]);
    store.run(&["rm", "--no-progress", "copied"]);
    assert_eq!(store.host(), None, "little work needs no host");
    let through_host = |words: &[&str]| {
        store.run(words);
        let pid = store.host().unwrap_or_else(|| panic!("{words:?} held the store"));
        assert!(store.run(&["fsck", "--data"]).contains("clean"));
        assert_eq!(store.host(), Some(pid), "fsck did not ask the host");
        store.run(&["host", "stop"]);
        assert_ne!(store.host(), Some(pid));
    };
    through_host(&["import", "--no-progress", sparse, "large"]);
    through_host(&["copy", "--no-progress", "large", "copied"]);
    let target = store.path("exported");
    through_host(&["export", "--no-progress", "large", target.to_str().expect("text")]);
    store.run(&["create", "--size", "64G", "many"]);
    assert_eq!(store.host(), None, "creating needs no host, whatever the size");
    through_host(&["resize", "--no-progress", "--allow-shrink", "--size", "70G", "many"]);
    through_host(&["rm", "--no-progress", "many"]);
}
