//! Commands beside a server whose host is killed: the real binary, as people run it.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, Signal, kill_process};

/// A store in a directory of its own, whose host is gone when the test ends.
struct Store(tempfile::TempDir);

impl Store {
    fn new() -> Store {
        Store(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn marcot(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_marcot"));
        command.arg("--store").arg(format!("dir:{}", self.path("store").display()));
        command.args(words).env_remove("MARCOT_STORE").env_remove("CEPH_CONF");
        command
    }

    /// Runs a command that must work; what it prints.
    fn run(&self, words: &[&str]) -> String {
        let output = self.marcot(words).output().expect("a process");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn serve(&self, image: &str, socket: &Path) -> Server {
        let mut command = self.marcot(&["nbd", "serve", image, "--socket"]);
        let mut child = command.arg(socket).stdout(Stdio::piped()).spawn().expect("a process");
        let mut said = String::new();
        let out = child.stdout.take().expect("it is a pipe");
        BufReader::new(out).read_line(&mut said).expect("text");
        assert!(said.starts_with("serving "), "{said}");
        Server(child)
    }

    fn host(&self) -> Option<Pid> {
        let stream = UnixStream::connect(self.path("store").join("host.socket")).ok()?;
        Some(socket_peercred(&stream).expect("a peer").pid)
    }

    /// Kills the host that is there, at once.
    fn kill_host(&self) -> Pid {
        let pid = self.host().expect("a host");
        kill_process(pid, Signal::KILL).expect("ours to kill");
        pid
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        while let Some(pid) = self.host() {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

struct Server(Child);

impl Server {
    fn ask_to_end(mut self) {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, Signal::TERM).expect("ours to end");
        assert!(self.0.wait().expect("an end").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended already where the test went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

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
    store.run(&["host", "stop"]);
    assert!(host.wait().expect("an end").success());
    assert_eq!(store.host(), None);
    assert_eq!(store.run(&["ls"]), "image\n");
}
