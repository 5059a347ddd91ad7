//! `marcot nbd serve` with its host, from outside.

mod extents;
mod layouts;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A store in a folder of its own. Its host and its servers end with it.
struct Store {
    folder: tempfile::TempDir,
    servers: Vec<Child>,
}

impl Store {
    fn empty() -> Store {
        Store { folder: tempfile::tempdir().unwrap(), servers: Vec::new() }
    }

    fn with_image() -> Store {
        let store = Store::empty();
        store.done(&["create", "--size", "64M", "disk"]);
        store
    }

    /// Runs a command that must succeed.
    fn done(&self, arguments: &[&str]) -> Output {
        let output = self.marcot(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        output
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_marcot"));
        command.env("MARCOT_STORE", format!("dir:{}", self.path("store"))).args(arguments);
        command
    }

    fn marcot(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Serves the image, and waits until it is announced.
    fn serve(&mut self, arguments: &[&str]) -> String {
        let words = [&["nbd", "serve"][..], arguments].concat();
        let mut server = self.command(&words).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.servers.push(server);
        assert!(line.starts_with("serving rbd/"), "{line}");
        line
    }

    /// Ends the last server that was started.
    fn end_server(&mut self) {
        let mut server = self.servers.pop().expect("one serves");
        let pid = server.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert!(server.wait().unwrap().success());
    }

    fn host(&self) -> Option<String> {
        let found = Command::new("pgrep")
            .args(["-f", &format!("host --store dir:{}", self.path("store"))])
            .output()
            .unwrap();
        String::from_utf8(found.stdout).unwrap().lines().next().map(str::to_owned)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
        if let Some(host) = self.host() {
            let _ = Command::new("kill").args(["-9", &host]).status();
        }
    }
}

/// A QEMU block device that reconnects, driven line by line.
struct Qemu {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Qemu {
    fn connect(socket: &Path) -> Qemu {
        let path = socket.display();
        let options = format!(
            "driver=nbd,server.type=unix,server.path={path},export=rbd/disk,reconnect-delay=60"
        );
        let mut process = Command::new("timeout")
            .args(["100", "qemu-io", "--image-opts", &options])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("qemu-io is needed by this test");
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Qemu { process, input, output }
    }

    /// Sends a read or a write, and waits for its figures.
    fn run(&mut self, command: &str) {
        writeln!(self.input, "{command}").unwrap();
        let mut said = String::new();
        while !said.contains("ops/sec") {
            let got = self.output.read_line(&mut said).unwrap();
            assert!(got > 0 && !said.contains("failed"), "{command}: {said}");
        }
    }

    fn end(mut self) {
        writeln!(self.input, "flush").unwrap();
        drop(self.input);
        assert!(self.process.wait().unwrap().success());
    }
}

#[test]
fn a_client_goes_on_when_the_host_is_killed() {
    let mut store = Store::with_image();
    let socket = store.folder.path().join("nbd");
    store.serve(&["rbd/disk", "--socket", &store.path("nbd")]);
    let mut guest = Qemu::connect(&socket);
    guest.run("write -P 77 0 1M");
    let first = store.host().expect("the resident host");
    assert!(Command::new("kill").args(["-9", &first]).status().unwrap().success());
    // Never flushed, and still there: the death of a process loses nothing acknowledged.
    guest.run("read -P 77 0 1M");
    guest.run("write -P 78 1M 1M");
    guest.run("read -P 78 1M 1M");
    guest.end();
    assert_ne!(store.host().expect("the next host"), first);
}

#[test]
fn an_interrupted_server_takes_its_socket_along() {
    let mut store = Store::with_image();
    store.serve(&["rbd/disk", "--socket", &store.path("nbd"), "--read-only"]);
    let info = Command::new("nbdinfo")
        .arg(format!("nbd+unix:///rbd/disk?socket={}", store.path("nbd")))
        .output()
        .expect("nbdinfo is needed by this test");
    assert!(String::from_utf8_lossy(&info.stdout).contains("is_read_only: true"), "{info:?}");
    store.end_server();
    assert!(!Path::new(&store.path("nbd")).exists());
}

#[test]
fn what_cannot_be_served_is_said_at_once() {
    let store = Store::with_image();
    let refused = |arguments: &[&str], code: i32, words: &str| {
        let begun = Instant::now();
        let output = store.marcot(&[&["nbd", "serve"][..], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(60));
    };
    let socket = store.path("nbd");
    refused(&["rbd/none", "--socket", &socket], 2, "error opening image none");
    refused(&["rbd/disk@none", "--socket", &socket], 2, "No such file or directory");
    refused(&["rbd/disk"], 22, "--socket PATH or --listen ADDRESS:PORT");
    refused(&["rbd/disk", "--listen", "0.0.0.0:0"], 1, "--insecure-listen");
    assert!(!Path::new(&socket).exists());
}
