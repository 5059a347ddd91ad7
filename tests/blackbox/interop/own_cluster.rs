//! A small cluster for one test, whose daemons may be hurt.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::machine::guest::top;

pub(super) struct OwnCluster {
    folder: tempfile::TempDir,
}

impl OwnCluster {
    /// One monitor and two OSDs, one of which has each object.
    pub(super) fn start() -> OwnCluster {
        let cluster = OwnCluster { folder: tempfile::tempdir().expect("a folder") };
        let started = cluster.script("start").env("N", "2").env_remove("PORT").output();
        let started = started.expect("scripts/ceph-cluster");
        assert!(started.status.success(), "{started:?}");
        cluster
    }

    fn script(&self, verb: &str) -> Command {
        let mut command = Command::new(top().join("scripts/ceph-cluster"));
        command.arg(verb).arg(self.home());
        command
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("ceph")
    }

    pub(super) fn conf(&self) -> PathBuf {
        self.home().join("ceph.conf")
    }

    fn pid(&self, daemon: &str) -> Pid {
        let file = self.home().join("run").join(format!("{daemon}.pid"));
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
        Pid::from_raw(text.trim().parse().expect("a number")).expect("a process")
    }

    /// `osd.0`, say.
    pub(super) fn signal(&self, daemon: &str, signal: Signal) {
        kill_process(self.pid(daemon), signal).expect("ours to signal");
    }

    /// Ends a daemon at once, and waits until it is gone.
    pub(super) fn kill(&self, daemon: &str) {
        let pid = self.pid(daemon);
        self.signal(daemon, Signal::KILL);
        let deadline = Instant::now() + Duration::from_secs(20);
        while test_kill_process(pid).is_ok() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Starts a daemon that was killed: `ceph-osd -i 0`, say.
    pub(super) fn start_again(&self, program: &str, id: &str) {
        let conf = self.conf();
        let mut command = Command::new(program);
        command.args(["-i", id]).env("CEPH_CONF", &conf);
        let output = command.output().expect("a daemon");
        assert!(output.status.success(), "{program} -i {id}: {output:?}");
    }

    /// `ceph WORDS`, which must work.
    pub(super) fn ceph(&self, line: &str) -> String {
        ceph(&self.conf(), line)
    }
}

fn ceph(conf: &Path, line: &str) -> String {
    let mut command = Command::new("timeout");
    command.args(["-s", "KILL", "60", "ceph"]).args(line.split(' '));
    let output = command.env("CEPH_CONF", conf).env_remove("CEPH_ARGS").output().expect("ceph");
    assert!(output.status.success(), "ceph {line}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        // Nothing of it may outlive the test; what cannot be ended is told by the script.
        let _ = self.script("stop").status();
    }
}
