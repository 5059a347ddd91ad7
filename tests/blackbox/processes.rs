//! Commands beside a server whose host is killed: the real binary, as people run it.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
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
