//! Black box: commands as a user types them, against what Ceph 16.2 printed for the same.
//!
//! A transcript under `transcripts/` is a list of commands with their output. The expectation is
//! recorded from a live cluster: `MARCOT_RECORD=1 CEPH_CONF=… cargo test -p marcot-cli --test
//! blackbox` runs the real `rbd`, `rados` and `ceph` and rewrites the files (pools are removed
//! first: never point it at a cluster with data). Without it our binary runs, called by those
//! names on a fresh store per transcript, and must print the same. Set `MARCOT_TRANSCRIPT` to a
//! part of a file's name to run only some.

#[cfg(test)]
mod normalise;
#[cfg(test)]
mod runner;
#[cfg(test)]
mod transcript;

#[cfg(test)]
use runner::{Subject, run_file, transcripts};

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
