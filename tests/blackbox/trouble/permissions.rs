//! Whose store it is, and who may look into it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Output};

use super::{is_root, refused, run};
use crate::store::Store;

const NOBODY: u32 = 65534;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

/// Runs a command as another user. The binary may lie where that user cannot reach it, so a copy
/// is run.
fn as_nobody(store: &Store, words: &[&str]) -> Output {
    let copy = store.path("marcot");
    if !copy.exists() {
        fs::copy(env!("CARGO_BIN_EXE_marcot"), &copy).expect("room for a copy");
        set_mode(&copy, 0o755);
        set_mode(&store.path(""), 0o755);
    }
    let ours = store.marcot(words);
    let mut command = Command::new("setpriv");
    let id = format!("{NOBODY}");
    command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]).arg(copy);
    command.args(ours.get_args()).env_remove("MARCOT_STORE").env_remove("CEPH_CONF");
    run(&command)
}

#[test]
fn a_new_store_is_private_whatever_the_umask() {
    let store = Store::new();
    let create = store.marcot(&["create", "--size", "1M", "image"]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 000; exec \"$@\"", "sh"]);
    shell.arg(create.get_program()).args(create.get_args());
    assert!(run(&shell).status.success());
    assert_eq!(mode(&store.path("store")), 0o700);
    for entry in fs::read_dir(store.path("store")).expect("it is there") {
        let path = entry.expect("it can be read").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_store_that_others_may_write_is_refused() {
    let store = Store::new();
    store.run(&["create", "--size", "1M", "image"]);
    let directory = store.path("store");
    let file = directory.join("store.dat");
    for open in [0o770, 0o702, 0o777] {
        set_mode(&directory, open);
        refused(&run(&store.marcot(&["ls"])), 13, &["chmod 700"]);
    }
    set_mode(&directory, 0o700);
    set_mode(&file, 0o622);
    refused(&run(&store.marcot(&["ls"])), 13, &["store.dat", "chmod"]);
    set_mode(&file, 0o600);
    assert_eq!(store.run(&["ls"]), "image\n");
}

#[test]
fn a_store_of_another_user_is_refused_with_the_way_out() {
    if !is_root("a_store_of_another_user_is_refused_with_the_way_out") {
        return;
    }
    let store = Store::new();
    store.run(&["create", "--size", "1M", "image"]);
    refused(&as_nobody(&store, &["ls"]), 13, &["uid 0", "uid 65534", "--store dir:PATH", "sudo"]);
    // One file of another user in a directory of one's own.
    let file = store.path("store").join("store.dat");
    chown(&file, Some(NOBODY), None).expect("we are root");
    refused(&run(&store.marcot(&["ls"])), 13, &["store.dat", "65534"]);
    chown(&file, Some(0), None).expect("we are root");
    assert_eq!(store.run(&["ls"]), "image\n");
}

#[test]
fn a_directory_that_cannot_be_read_or_made_is_named() {
    if !is_root("a_directory_that_cannot_be_read_or_made_is_named") {
        return;
    }
    let store = Store::new();
    refused(&as_nobody(&store, &["ls"]), 13, &["/store", "ermission denied", "--store dir:PATH"]);
    let directory = store.path("store");
    fs::create_dir(&directory).expect("room");
    chown(&directory, Some(NOBODY), None).expect("we are root");
    set_mode(&directory, 0o500);
    refused(&as_nobody(&store, &["ls"]), 13, &["/store", "ermission denied"]);
    set_mode(&directory, 0o700);
    assert!(as_nobody(&store, &["create", "--size", "1M", "image"]).status.success());
    let file = directory.join("store.dat");
    set_mode(&file, 0);
    refused(&as_nobody(&store, &["ls"]), 13, &["store.dat", "ermission denied"]);
}
