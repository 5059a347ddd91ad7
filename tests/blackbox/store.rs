//! A store of its own in a temporary directory, and the real binary to work on it.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;
use rustix::process::{Pid, Signal, kill_process};

/// A store in a directory of its own, whose host is gone when the test ends.
pub(crate) struct Store(tempfile::TempDir);

impl Store {
    pub(crate) fn new() -> Store {
        Store(tempfile::tempdir().expect("a directory"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn marcot(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_marcot"));
        command.arg("--store").arg(format!("dir:{}", self.path("store").display()));
        command.args(words).env_remove("MARCOT_STORE").env_remove("CEPH_CONF");
        command
    }

    /// Runs a command that must work; what it prints.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let output = self.marcot(words).output().expect("a process");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {errors}");
        String::from_utf8(output.stdout).expect("text")
    }

    pub(crate) fn serve(&self, image: &str, socket: &Path) -> Server {
        let mut command = self.marcot(&["nbd", "serve", image, "--socket"]);
        let mut child = command.arg(socket).stdout(Stdio::piped()).spawn().expect("a process");
        let mut said = String::new();
        let out = child.stdout.take().expect("it is a pipe");
        BufReader::new(out).read_line(&mut said).expect("text");
        assert!(said.starts_with("serving "), "{said}");
        Server(child)
    }

    pub(crate) fn host(&self) -> Option<Pid> {
        let stream = UnixStream::connect(self.path("store").join("host.socket")).ok()?;
        Some(socket_peercred(&stream).expect("a peer").pid)
    }

    /// Runs a command that may fail.
    pub(crate) fn attempt(&self, words: &[&str]) -> Output {
        self.marcot(words).output().expect("a process")
    }

    /// The whole content of an image or snapshot.
    pub(crate) fn content(&self, image: &str) -> Vec<u8> {
        let output = self.attempt(&["export", "--no-progress", image, "-"]);
        assert!(output.status.success(), "export {image}: {}", told(&output));
        output.stdout
    }

    /// Kills the host that is there, at once.
    pub(crate) fn kill_host(&self) -> Pid {
        let pid = self.host().expect("a host");
        kill_process(pid, Signal::KILL).expect("ours to kill");
        pid
    }
}

impl Store {
    /// Sees to it that nobody has the store open.
    pub(crate) fn end_host(&self) {
        while let Some(pid) = self.host() {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.end_host();
    }
}

pub(crate) struct Server(pub(crate) Child);

impl Server {
    pub(crate) fn ask_to_end(mut self) {
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

/// Everything a process said, for a failed test.
pub(crate) fn told(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
