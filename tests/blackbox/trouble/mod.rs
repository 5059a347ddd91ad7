//! Things that go wrong outside of Marcot, with the real binary: each has a clear message and the
//! right exit code, nothing panics, and what was acknowledged is still there afterwards.

mod damage;
mod device;
mod full;
mod names;
mod permissions;
mod stores;

use std::process::{Command, Output};

use crate::store::{Store, told};

/// Ends within a minute, whatever happens.
fn limited(command: &Command) -> Command {
    let mut outer = Command::new("timeout");
    outer.args(["--kill-after=5", "60"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer
}

fn run(command: &Command) -> Output {
    let output = limited(command).output().expect("a process");
    assert_sane(command, &output);
    output
}

/// What holds for every command: it ends by itself, panics never, and fails with a word.
fn assert_sane(command: &Command, output: &Output) {
    let told = told(output);
    let code = output.status.code().unwrap_or(-1);
    assert!((0..=124).contains(&code) && code != 124, "{command:?}: {told}");
    assert!(!told.contains("panicked"), "{command:?}: {told}");
    let silent = output.stderr.is_empty() && output.stdout.is_empty();
    assert!(code == 0 || !silent, "{command:?} failed with {code} and no word");
}

/// The command must fail with `code`, and say all of `words`.
#[track_caller]
fn refused(output: &Output, code: i32, words: &[&str]) {
    let told = told(output);
    assert_eq!(output.status.code(), Some(code), "{told}");
    for word in words {
        assert!(told.contains(word), "'{word}' is not in: {told}");
    }
}

/// Whether what needs root can be tested; says so if not.
fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("{test}: skipped, it needs root");
    }
    root
}

/// Bytes that nothing compresses or confuses, the same on every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Makes an image of these bytes.
fn import(store: &Store, name: &str, bytes: &[u8]) -> Output {
    let file = store.path(&format!("{name}.raw"));
    std::fs::write(&file, bytes).expect("room for a file");
    run(&store.marcot(&["import", "--no-progress", &file.to_string_lossy(), name]))
}
