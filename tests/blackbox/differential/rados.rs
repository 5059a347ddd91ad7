//! Our `rados` and the real one in turns at the same objects of a cluster.
//!
//! The commands are those of the transcripts, and so is what they must print. In the first round
//! ours runs every other command, in the second round the rest: so each reads what the other wrote.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::cluster;
use crate::transcript::{Outcome, Step, parse};
use crate::{normalise, runner};

const POOL: &str = "rados_turns";
const TRANSCRIPTS: [&str; 2] = ["rados-objects.txt", "rados-inspect.txt"];

#[test]
fn rados_of_ceph_and_ours_take_turns() {
    let Some(conf) = cluster() else { return };
    let mut differences = Vec::new();
    for name in TRANSCRIPTS {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/blackbox/transcripts");
        let text = std::fs::read_to_string(path.join(name)).expect("a transcript");
        let steps: Vec<Step> = parse(&text).into_iter().map(elsewhere).collect();
        for ours_first in [true, false] {
            let round = Round::new(&conf);
            for (number, step) in steps.iter().enumerate() {
                let who = if (number % 2 == 0) == ours_first { Who::Marcot } else { Who::Ceph };
                let got = round.run(&step.command, who);
                if let Some(text) = runner::compare(&path.join(name), step, got) {
                    differences.push(format!("{who:?}: {text}"));
                }
            }
        }
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

/// The same step in our pool: the transcripts' is `rbd`.
fn elsewhere(mut step: Step) -> Step {
    for (from, to) in [("-p rbd ", format!("-p {POOL} ")), ("init rbd", format!("init {POOL}"))] {
        step.command = step.command.replace(from, &to);
    }
    let moved = |line: &String| {
        let line = line.replace("rbd/", &format!("{POOL}/"));
        line.replace("rbd>", &format!("{POOL}>"))
    };
    let Outcome { stdout, stderr, .. } = &mut step.ceph;
    for line in stdout.iter_mut().chain(stderr) {
        *line = moved(line);
    }
    step
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Marcot,
    Ceph,
}

/// A new pool, and a folder to work in.
struct Round {
    folder: tempfile::TempDir,
    ours: PathBuf,
    conf: PathBuf,
}

impl Round {
    fn new(conf: &Path) -> Round {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("work")).expect("a folder");
        let ours = runner::link_tools(folder.path());
        let round = Round { folder, ours, conf: conf.to_owned() };
        let confirm = "--yes-i-really-really-mean-it";
        round.run(&format!("ceph osd pool rm {POOL} {POOL} {confirm}"), Who::Ceph);
        let made = format!("ceph osd pool create {POOL} 4 && rbd pool init {POOL}");
        let made = round.run(&made, Who::Ceph);
        assert_eq!(made.exit, 0, "{made:?}");
        round
    }

    fn run(&self, command: &str, who: Who) -> Outcome {
        let path = std::env::var_os("PATH").expect("a path");
        let first = match who {
            Who::Marcot => Some(self.ours.clone()),
            Who::Ceph => None,
        };
        let all = first.into_iter().chain(std::env::split_paths(&path));
        let mut shell = Command::new("timeout");
        shell.args(["-s", "KILL", "60", "sh", "-c", command]);
        shell.current_dir(self.folder.path().join("work")).env("TZ", "UTC");
        shell.env("PATH", std::env::join_paths(all).expect("a path"));
        shell.env("CEPH_CONF", &self.conf).env_remove("MARCOT_STORE");
        let quiet = "--log-to-stderr=false --err-to-stderr=false";
        shell.env("CEPH_ARGS", format!("{quiet} --rbd-default-pool={POOL}"));
        let output = shell.stdin(Stdio::null()).output().expect("run a command");
        Outcome {
            stdout: normalise::stdout(&String::from_utf8_lossy(&output.stdout)),
            stderr: normalise::stderr(&String::from_utf8_lossy(&output.stderr)),
            exit: output.status.code().unwrap_or(-1),
        }
    }
}
