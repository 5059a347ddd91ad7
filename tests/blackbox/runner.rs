//! Runs a transcript's commands and compares, or records.

use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::normalise;
use crate::transcript::{Outcome, Step, parse, print, print_outcome};

/// Files of what Ceph prints, which can be recorded.
pub(crate) const OF_CEPH: &str = "transcripts";
/// Files of what only Marcot has.
pub(crate) const OWN: &str = "own";

/// The files to run.
pub(crate) fn transcripts(folder: &str) -> Vec<PathBuf> {
    let top = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/blackbox");
    let folder = top.join(folder);
    let only = std::env::var("MARCOT_TRANSCRIPT").unwrap_or_default();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .filter(|path| path.file_name().unwrap().to_string_lossy().contains(&only))
        .collect();
    files.sort();
    files
}

/// Who answers the commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Our binary on a fresh store; differences are failures.
    Marcot,
    /// The cluster that `CEPH_CONF` names; the transcript is rewritten.
    Ceph,
}

/// Makes a folder `bin` in `folder`, with our binary under all its names.
pub(crate) fn link_tools(folder: &Path) -> PathBuf {
    let names = folder.join("bin");
    std::fs::create_dir(&names).unwrap();
    for name in ["rbd", "rados", "ceph", "ceph-dencoder", "marcot"] {
        symlink(env!("CARGO_BIN_EXE_marcot"), names.join(name)).unwrap();
    }
    names
}

/// A folder to work in, and the environment of the commands.
struct Stage {
    folder: tempfile::TempDir,
    subject: Subject,
}

impl Stage {
    fn new(subject: Subject) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        if subject == Subject::Marcot {
            link_tools(folder.path());
        }
        Stage { folder, subject }
    }

    fn run(&self, command: &str) -> Outcome {
        let path = std::env::var_os("PATH").unwrap();
        let mut all = vec![self.folder.path().join("bin")];
        all.extend(std::env::split_paths(&path));
        let mut shell = Command::new("timeout");
        shell.args(["60", "sh", "-c", command]);
        shell.current_dir(self.folder.path().join("work")).env("TZ", "UTC");
        shell.env("PATH", std::env::join_paths(all).unwrap());
        if self.subject == Subject::Marcot {
            let store = self.folder.path().join("store");
            shell.env("MARCOT_STORE", format!("dir:{}", store.display()));
            shell.env("HOME", self.folder.path()).env_remove("CEPH_CONF").env_remove("CEPH_ARGS");
        }
        if self.subject == Subject::Ceph {
            shell.env("CEPH_ARGS", "--log-to-stderr=false --err-to-stderr=false");
        }
        let output = shell.stdin(Stdio::null()).output().unwrap();
        Outcome {
            stdout: normalise::stdout(&String::from_utf8_lossy(&output.stdout)),
            stderr: normalise::stderr(&String::from_utf8_lossy(&output.stderr)),
            exit: output.status.code().unwrap_or(-1),
        }
    }
}

/// Runs every step of a file; yields a text per difference.
pub(crate) fn run_file(file: &Path, subject: Subject) -> Vec<String> {
    let mut steps = parse(&std::fs::read_to_string(file).unwrap());
    let stage = Stage::new(subject);
    match subject {
        Subject::Marcot => {
            let differ = |step: &Step| compare(file, step, stage.run(&step.command));
            steps.iter().filter_map(differ).collect()
        }
        Subject::Ceph => {
            empty_cluster(&stage);
            for step in &mut steps {
                step.ceph = stage.run(&step.command);
            }
            std::fs::write(PathBuf::from(file), print(&steps)).unwrap();
            Vec::new()
        }
    }
}

/// What is wrong with `ours`, if anything is.
pub(crate) fn compare(file: &Path, step: &Step, mut ours: Outcome) -> Option<String> {
    let expected = step.deviation.as_ref().map_or(&step.ceph, |(_, outcome)| outcome);
    let absent: Vec<&String> =
        step.more.iter().filter(|more| !ours.stderr.contains(more)).collect();
    if file.parent().is_some_and(|folder| folder.ends_with(OF_CEPH)) {
        ours.stderr.retain(|line| !line.starts_with("marcot: "));
    }
    if ours == *expected && absent.is_empty() {
        return None;
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let mut text = format!("--- {name}: $ {}\n", step.command);
    print_outcome(&mut text, "want ", expected);
    print_outcome(&mut text, "got  ", &ours);
    for line in absent {
        let _ = writeln!(text, "lacks + {line}");
    }
    Some(text)
}

/// A cluster as a new store of ours is: one pool, `rbd`, and luminous clients.
fn empty_cluster(stage: &Stage) {
    for pool in stage.run("ceph osd pool ls").stdout {
        if pool != "device_health_metrics" {
            stage.run(&format!("ceph osd pool rm {pool} {pool} --yes-i-really-really-mean-it"));
        }
    }
    stage.run("ceph config-key ls | tr -d '[],\"' | grep ^rbd/ | xargs -rn1 ceph config-key rm");
    stage.run("ceph config rm global rbd_config_pool_override_update_timestamp");
    let made = stage.run("ceph osd pool create rbd 8 8 && timeout 20 rbd pool init rbd");
    assert_eq!(made.exit, 0, "{made:?}");
}
