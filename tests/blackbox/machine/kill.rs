//! SIGKILL at any moment of any command: the store opens, checks clean, and holds all that was
//! acknowledged before. strace delivers the signal at the n-th call that changes the store.

use std::process::{Command, Output};

use crate::store::{Store, told};

/// Calls by which a process changes a store, or asks for durability.
const CHANGING_CALLS: &str = "pwrite64,pwritev,pwritev2,write,fdatasync,fsync,ftruncate,fallocate";

/// The calls by which a store comes to be, besides.
const MAKING_CALLS: &str = "openat,mkdir,rename,renameat,renameat2,link,unlink,flock,fcntl";

/// A command with what must be true before it, as arguments of marcot.
struct Case {
    name: &'static str,
    before: &'static [&'static [&'static str]],
    command: &'static [&'static str],
}

const BASE: &[&[&str]] = &[
    &["create", "--size", "32M", "base"],
    &[
        "bench",
        "--io-type",
        "write",
        "--io-size",
        "4K",
        "--io-total",
        "256K",
        "--io-pattern",
        "rand",
        "base",
    ],
    &["snap", "create", "base@s"],
    &["snap", "protect", "base@s"],
];
const CLONED: &[&[&str]] = &[&["clone", "base@s", "child"]];

const CASES: &[Case] = &[
    Case { name: "create", before: &[], command: &["create", "--size", "8M", "other"] },
    Case { name: "snap create", before: &[], command: &["snap", "create", "base@t"] },
    Case { name: "clone", before: &[], command: &["clone", "base@s", "child"] },
    Case { name: "flatten", before: CLONED, command: &["flatten", "child"] },
    Case { name: "rename", before: &[], command: &["rename", "base", "renamed"] },
    Case {
        name: "resize",
        before: CLONED,
        command: &["resize", "--size", "4M", "--allow-shrink", "child"],
    },
    Case { name: "remove", before: CLONED, command: &["rm", "child"] },
    Case { name: "protect", before: &[], command: &["snap", "unprotect", "base@s"] },
    Case {
        name: "write",
        before: CLONED,
        command: &["bench", "--io-type", "write", "--io-size", "4K", "--io-total", "64K", "child"],
    },
];

#[test]
fn kill_at_every_call_of_every_command() {
    let pristine = Store::new();
    for step in BASE {
        pristine.run(step);
    }
    let snapshot = pristine.content("base@s");
    end_host(&pristine);
    let mut killed = 0;
    for case in CASES {
        killed += kill_everywhere(&pristine, case, &snapshot);
    }
    assert!(killed >= CASES.len() * 2, "only {killed} runs were killed: strace did not hit");
}

/// Kills the command at its first, second … changing call, until it survives.
fn kill_everywhere(pristine: &Store, case: &Case, snapshot: &[u8]) -> usize {
    for call in 1..400 {
        let store = copy_of(pristine);
        for step in case.before {
            store.run(step);
        }
        end_host(&store);
        let output = killed_at(&store, CHANGING_CALLS, call, case.command);
        end_host(&store);
        check(&store, case, call, snapshot);
        if output.status.success() {
            return call - 1;
        }
    }
    panic!("{}: does not end", case.name);
}

/// Runs a command that dies at the `when`-th of these calls, if it gets there.
fn killed_at(store: &Store, calls: &str, when: usize, words: &[&str]) -> Output {
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("inject={calls}:signal=SIGKILL:when={when}"))
        .arg(env!("CARGO_BIN_EXE_marcot"))
        .arg("--store")
        .arg(format!("dir:{}", store.path("store").display()))
        .args(words);
    command.output().expect("run strace: is it installed?")
}

/// The first command of all makes the store, too.
#[test]
fn kill_at_every_call_of_the_first_command() {
    let calls = format!("{CHANGING_CALLS},{MAKING_CALLS}");
    for call in 1..400 {
        let store = Store::new();
        let output = killed_at(&store, &calls, call, &["create", "--size", "8M", "first"]);
        let there = store.run(&["ls"]);
        store.run(&["create", "--size", "8M", "second"]);
        assert_eq!(store.run(&["ls"]), format!("{there}second\n"), "killed at call {call}");
        let fsck = store.attempt(&["fsck", "--data"]);
        assert!(fsck.status.success(), "killed at call {call}: {}", told(&fsck));
        if output.status.success() {
            assert_eq!(there, "first\n");
            assert!(call > 20, "only {} calls: strace did not hit", call - 1);
            return;
        }
    }
    panic!("the first command does not end");
}

fn check(store: &Store, case: &Case, call: usize, snapshot: &[u8]) {
    let fsck = store.attempt(&["fsck"]);
    assert!(fsck.status.success(), "{} killed at call {call}: {}", case.name, told(&fsck));
    assert!(
        store.attempt(&["ls"]).status.success(),
        "{} killed at call {call}: ls fails",
        case.name
    );
    let image = match case.name {
        "rename" if !store.attempt(&["info", "base@s"]).status.success() => "renamed@s",
        _ => "base@s",
    };
    assert!(
        store.content(image) == snapshot,
        "{} killed at call {call}: the snapshot changed",
        case.name
    );
}

/// What a command started to last must not hold the store while the next one is tried.
fn end_host(store: &Store) {
    let ended = store.attempt(&["host", "stop"]);
    assert!(ended.status.success(), "{}", told(&ended));
}

fn copy_of(pristine: &Store) -> Store {
    let copy = Store::new();
    let status = Command::new("cp")
        .arg("-a")
        .arg(pristine.path("store"))
        .arg(copy.path("store"))
        .status()
        .expect("cp");
    assert!(status.success(), "copy the store");
    copy
}
