//! How often a command has the device sync: every call of its whole process, threads and children
//! too, as strace sees them. Syncs are most of what a command's time can be.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::store::{Store, told};

/// All ways to ask for durability: calls of their own, and flags of those that open and write.
const CALLS: &str = "trace=fsync,fdatasync,sync,syncfs,sync_file_range,msync,\
                     open,openat,openat2,pwritev2,pwrite64,io_uring_setup,io_submit";

fn traced(store: &Store, log: &Path, words: &[&str]) -> Command {
    let ours = store.marcot(words);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", "signal=none", "-e", CALLS, "-o"]).arg(log);
    command.arg(ours.get_program()).args(ours.get_args());
    command.env_remove("MARCOT_STORE").env_remove("CEPH_CONF");
    command
}

/// The syncs of a log, in the order in which they began.
fn syncs(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).expect("strace wrote it");
    let begun = text.lines().filter(|line| !line.contains(" resumed>"));
    let sync = |line: &&str| {
        assert!(!line.contains("io_uring") && !line.contains("io_submit"), "not counted: {line}");
        let call = line.split_once('(').map_or(*line, |(before, _)| before);
        call.contains("sync") || line.contains("SYNC")
    };
    begun.filter(sync).map(str::to_owned).collect()
}

/// Runs a command that must work; its syncs.
fn syncs_of(store: &Store, words: &[&str]) -> Vec<String> {
    let log = store.path("strace");
    let output = traced(store, &log, words).output().expect("run strace: is it installed?");
    assert!(output.status.success(), "{words:?}: {}", told(&output));
    syncs(&log)
}

#[test]
fn a_first_command_makes_the_store_and_is_durable_with_two_syncs() {
    let create: &[&str] = &["create", "--size", "8M", "one"];
    for words in [create, &["import", "--no-progress", "/etc/passwd", "one"]] {
        let store = Store::new();
        let seen = syncs_of(&store, words);
        let calls = |name| seen.iter().filter(|line| line.contains(name)).count();
        let (data, directory) = (calls("fdatasync("), calls("fsync("));
        assert_eq!((data, directory), (1, 1), "{words:?}: the file, its name: {seen:#?}");
        assert_eq!(seen.len(), 2, "{words:?}: {seen:#?}");
    }
}

#[test]
fn a_command_that_changes_something_syncs_at_most_twice_and_one_that_reads_never() {
    let store = Store::new();
    store.run(&["create", "--size", "8M", "base"]);
    store.run(&["bench", "--io-type", "write", "--io-total", "1M", "base"]);
    store.run(&["snap", "create", "--no-progress", "base@s"]);
    store.run(&["create", "--size", "8M", "many"]);
    for snap in ["many@1", "many@2", "many@3"] {
        store.run(&["snap", "create", "--no-progress", snap]);
    }
    store.run(&["create", "--size", "8M", "second"]);
    store.run(&["group", "create", "pair"]);
    for member in ["many", "second"] {
        store.run(&["group", "image", "add", "pair", member]);
    }
    store.run(&["group", "snap", "create", "pair@1"]);
    let changing: &[&[&str]] = &[
        &["create", "--size", "8M", "other"],
        &["snap", "create", "--no-progress", "base@t"],
        &["snap", "protect", "base@s"],
        &["clone", "base@s", "child"],
        &["image-meta", "set", "child", "key", "value"],
        &["resize", "--no-progress", "--size", "16M", "child"],
        &["flatten", "--no-progress", "child"],
        &["snap", "rm", "--no-progress", "base@t"],
        &["snap", "rollback", "--no-progress", "base@s"],
        &["copy", "--no-progress", "base", "copied"],
        &["trash", "mv", "copied"],
        &["sparsify", "--no-progress", "base"],
        &["object-map", "rebuild", "--no-progress", "base"],
        &["feature", "disable", "base", "fast-diff"],
        &["group", "create", "g"],
        &["resize", "--no-progress", "--allow-shrink", "--size", "4M", "base"],
        &["rename", "child", "grown"],
        &["rm", "--no-progress", "other"],
        &["snap", "purge", "--no-progress", "many"],
        &["group", "snap", "rm", "pair@1"],
    ];
    for words in changing {
        let seen = syncs_of(&store, words);
        assert!((1..=2).contains(&seen.len()), "{words:?}: {seen:#?}");
    }
    let reading: &[&[&str]] = &[
        &["ls", "-l"],
        &["info", "base"],
        &["snap", "ls", "base"],
        &["children", "base@s"],
        &["du"],
        &["status", "base"],
        &["image-meta", "ls", "base"],
    ];
    for words in reading {
        assert_eq!(syncs_of(&store, words), [""; 0], "{words:?}");
    }
}

/// A host whose calls are traced.
struct Host {
    strace: Child,
    log: PathBuf,
    pid: Pid,
}

impl Host {
    fn of(store: &Store) -> Host {
        let log = store.path("strace-host");
        let mut command = traced(store, &log, &["host"]);
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let strace = command.spawn().expect("run strace: is it installed?");
        let came_up = (0..2000).find_map(|_| {
            thread::sleep(Duration::from_millis(5));
            store.host()
        });
        Host { strace, log, pid: came_up.expect("a host comes up") }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself, and strace ends with it.
        let _ = kill_process(self.pid, Signal::KILL);
        let _ = self.strace.wait();
    }
}

#[test]
fn beside_a_host_the_host_syncs_for_the_command() {
    let store = Store::new();
    store.run(&["create", "--size", "8M", "base"]);
    let host = Host::of(&store);
    let before = || syncs(&host.log).len();
    for words in [
        &["create", "--size", "8M", "other"][..],
        &["snap", "create", "--no-progress", "base@s"],
        &["snap", "rm", "--no-progress", "base@s"],
        &["image-meta", "set", "base", "key", "value"],
        &["rm", "--no-progress", "other"],
    ] {
        let (earlier, own) = (before(), syncs_of(&store, words));
        let seen = syncs(&host.log).split_off(earlier);
        assert_eq!(own, [""; 0], "{words:?}: the command itself");
        assert!((1..=2).contains(&seen.len()), "{words:?}: {seen:#?}");
    }
}
