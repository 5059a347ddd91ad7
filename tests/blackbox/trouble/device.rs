//! A device that fails: injected into the real binary's system calls.

use std::process::{Command, Output};

use super::{refused, run};
use crate::store::Store;

/// Runs a command whose nth call of that kind fails.
fn with_fault(store: &Store, fault: &str, words: &[&str]) -> Output {
    let ours = store.marcot(words);
    let call = fault.split(':').next().expect("there is always a first");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={fault}")]);
    command.arg(ours.get_program()).args(ours.get_args());
    command.env_remove("MARCOT_STORE").env_remove("CEPH_CONF");
    run(&command)
}

fn has_strace() -> bool {
    let there = Command::new("strace").arg("-V").output().is_ok();
    if !there {
        eprintln!("skipped: there is no strace");
    }
    there
}

#[test]
fn a_failing_sync_is_never_success() {
    if !has_strace() {
        return;
    }
    let store = Store::new();
    store.run(&["create", "--size", "8M", "kept"]);
    store.run(&["create", "--size", "8M", "gone"]);
    for (round, words) in [
        vec!["create", "--size", "8M", "other"],
        vec!["snap", "create", "--no-progress", "kept@s"],
        // Not the one whose snapshot nobody knows the fate of.
        vec!["rm", "--no-progress", "gone"],
        vec!["bench", "--io-type", "write", "--io-total", "1M", "kept"],
    ]
    .into_iter()
    .enumerate()
    {
        let output = with_fault(&store, "fdatasync:error=EIO:when=1", &words);
        refused(&output, 5, &["Input/output error"]);
        assert!(store.run(&["fsck", "--data"]).contains("clean"), "{words:?}");
        // Whatever became of it, the store goes on.
        let name = format!("new{round}");
        store.run(&["create", "--size", "8M", &name]);
        assert!(store.run(&["ls"]).contains(&name));
    }
}

#[test]
fn failing_reads_and_writes_are_told() {
    if !has_strace() {
        return;
    }
    let store = Store::new();
    store.run(&["create", "--size", "8M", "kept"]);
    let mut failed = 0;
    for when in 1..=6 {
        for (errno, code) in [("EIO", 5), ("ENOSPC", 28)] {
            let name = format!("image-{errno}-{when}");
            let fault = format!("pwrite64:error={errno}:when={when}");
            let output = with_fault(&store, &fault, &["create", "--size", "8M", &name]);
            assert!(store.run(&["fsck", "--data"]).contains("clean"), "{fault}");
            let names = store.run(&["ls"]);
            assert!(names.lines().any(|line| line == "kept"), "{fault}: {names}");
            if output.status.success() {
                // It writes less often than that, or only what is not needed failed.
                assert!(names.contains(&name), "{fault}: it worked, and is not there");
                continue;
            }
            refused(&output, code, &["marcot: write "]);
            failed += 1;
        }
    }
    assert!(failed >= 4, "only {failed} faults were met");
}
