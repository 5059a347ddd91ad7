//! Who holds an image while others work on it: our NBD server, QEMU's over librbd, or librbd in a
//! process of its own; each under a load of stamped blocks.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::load::{Lane, Load};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Marcot,
    Qemu,
    Librbd,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Marcot => "marcot nbd serve",
            Kind::Qemu => "qemu-nbd",
            Kind::Librbd => "librbd",
        })
    }
}

/// A process that serves an image over NBD, and ends with this.
pub(super) struct Server {
    child: Child,
    uri: String,
}

impl Server {
    /// Ours.
    pub(super) fn marcot(conf: &Path, image: &str, socket: &Path) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_marcot"));
        command.arg("--store").arg(format!("ceph:{}", conf.display()));
        command.args(["nbd", "serve", image, "--socket"]).arg(socket);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a process");
        let mut said = String::new();
        let output = child.stdout.take().expect("it is a pipe");
        BufReader::new(output).read_line(&mut said).expect("text");
        assert!(said.starts_with("serving "), "{said}");
        let uri = format!("nbd+unix:///{image}?socket={}", socket.display());
        Server { child, uri }
    }

    /// QEMU's.
    pub(super) fn qemu(conf: &Path, image: &str, socket: &Path) -> Server {
        let mut command = Command::new("qemu-nbd");
        command.args(["--format", "raw", "--persistent", "--shared", "4", "--cache", "none"]);
        command.arg("--socket").arg(socket);
        command.arg(format!("rbd:{image}:conf={}", conf.display()));
        command.env("CEPH_ARGS", "--log-to-stderr=false --err-to-stderr=false");
        let child = command.spawn().expect("qemu-nbd is needed by this test");
        let deadline = Instant::now() + Duration::from_secs(60);
        while !socket.exists() {
            assert!(Instant::now() < deadline, "qemu-nbd does not come up");
            thread::sleep(Duration::from_millis(10));
        }
        Server { child, uri: format!("nbd+unix:///?socket={}", socket.display()) }
    }

    pub(super) fn uri(&self) -> &str {
        &self.uri
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("ours to signal");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // In an orderly way, so that nobody has to wait for the lock and the watch to run out.
        let pid = Pid::from_child(&self.child);
        let _ = kill_process(pid, Signal::CONT);
        let _ = kill_process(pid, Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A holder with its load.
pub(super) struct Held {
    pub(super) load: Load,
    /// Goes after the load. None where the load itself has the image open.
    pub(super) server: Option<Server>,
}

impl Held {
    pub(super) fn start(kind: Kind, conf: &Path, image: &str, folder: &Path, lane: Lane) -> Held {
        let socket: PathBuf = folder.join(format!("{}.sock", lane.generation));
        let server = match kind {
            Kind::Marcot => Server::marcot(conf, image, &socket),
            Kind::Qemu => Server::qemu(conf, image, &socket),
            Kind::Librbd => {
                return Held { load: Load::through_librbd(conf, image, lane), server: None };
            }
        };
        Held { load: Load::through_nbd(server.uri(), lane), server: Some(server) }
    }
}
