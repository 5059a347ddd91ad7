//! Black box: commands as a user types them, against what Ceph 16.2 printed for the same.
//!
//! A transcript under `transcripts/` is a list of commands with their output. The expectation is
//! recorded from a live cluster: `MARCOT_RECORD=1 CEPH_CONF=… cargo test -p marcot-cli --test
//! blackbox` runs the real `rbd`, `rados` and `ceph` and rewrites the files (pools are removed
//! first: never point it at a cluster with data). Without it our binary runs, called by those
//! names on a fresh store per transcript, and must print the same. Set `MARCOT_TRANSCRIPT` to a
//! part of a file's name to run only some. Files under `own/` hold what Ceph does not have.

#[cfg(test)]
mod connecting;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod machine;
#[cfg(test)]
mod nbd;
#[cfg(test)]
mod normalise;
#[cfg(test)]
mod pools;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod proxied;
#[cfg(test)]
mod runner;
#[cfg(test)]
mod store;
#[cfg(test)]
mod transcript;
#[cfg(test)]
mod trouble;
#[cfg(test)]
mod walkthrough;
#[cfg(test)]
mod watching;

#[cfg(test)]
use runner::{OF_CEPH, OWN, Subject, run_file, transcripts};

#[cfg(test)]
fn run_all(files: &[std::path::PathBuf], subject: Subject) {
    let failures: Vec<String> = files.iter().flat_map(|file| run_file(file, subject)).collect();
    assert!(failures.is_empty(), "{} differences\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn commands_print_what_ceph_prints() {
    let subject = match std::env::var_os("MARCOT_RECORD") {
        Some(_) => Subject::Ceph,
        None => Subject::Marcot,
    };
    run_all(&transcripts(OF_CEPH), subject);
}

#[test]
fn marcot_prints_what_it_should() {
    run_all(&transcripts(OWN), Subject::Marcot);
}
