//! Black box: commands as a user types them, against what Ceph 16.2 printed for the same.
//!
//! A transcript under `transcripts/` is a list of commands with their output. The expectation is
//! recorded from a live cluster: `MARCOT_RECORD=1 CEPH_CONF=… cargo test -p marcot-cli --test
//! blackbox` runs the real `rbd`, `rados` and `ceph` and rewrites the files (pools are removed
//! first: never point it at a cluster with data). Without it our binary runs, called by those
//! names on a fresh store per transcript, and must print the same. Set `MARCOT_TRANSCRIPT` to a
//! part of a file's name to run only some.

mod normalise;
mod runner;
mod transcript;

use std::path::PathBuf;

use runner::{Subject, run_file};

fn transcripts() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/blackbox/transcripts");
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

#[test]
fn commands_print_what_ceph_prints() {
    let subject = match std::env::var_os("MARCOT_RECORD") {
        Some(_) => Subject::Ceph,
        None => Subject::Marcot,
    };
    let files = transcripts();
    assert!(!files.is_empty(), "no transcript matches");
    let mut failures = Vec::new();
    for file in files {
        failures.extend(run_file(&file, subject));
    }
    assert!(failures.is_empty(), "{} differences\n{}", failures.len(), failures.join("\n"));
}
