//! A file system that is full: said clearly, nothing lost, and the way back works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{import, is_root, noise, refused, run};
use crate::store::{Store, told};

/// A small file system of its own, in the place of the store's directory.
struct Small(PathBuf);

impl Small {
    fn mount(path: &Path, size: &str) -> Small {
        fs::create_dir(path).expect("room");
        let options = format!("size={size},mode=700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(path).output();
        let mounted = mounted.expect("a process");
        assert!(mounted.status.success(), "{}", told(&mounted));
        Small(path.to_owned())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // What still uses it would be a failure of the test already.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Bytes that can be written now or after what was freed has been given back.
fn available(store: &Store) -> u64 {
    let text = store.run(&["df", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let bytes = |name: &str| value[name].as_u64().expect("a number");
    bytes("available_bytes") + bytes("pending_bytes")
}

#[test]
fn a_full_store_says_so_and_can_be_emptied() {
    if !is_root("a_full_store_says_so_and_can_be_emptied") {
        return;
    }
    let store = Store::new();
    let _small = Small::mount(&store.path("store"), "24m");
    let first = noise(1, 4 << 20);
    assert!(import(&store, "first", &first).status.success());
    let before = available(&store);
    assert!(before < 24 << 20, "{before} bytes cannot be available");
    refused(&import(&store, "large", &noise(2, 40 << 20)), 28, &["full", "No space left"]);
    assert_eq!(store.run(&["ls"]), "first\n");
    assert!(store.run(&["fsck", "--data"]).contains("clean"));
    let after = available(&store);
    assert!(after > before / 4 * 3, "{before} bytes before, {after} after");
    // To the brim, in small steps that stay.
    let mut count = 0;
    let full = loop {
        let output = import(&store, &format!("fill{count}"), &noise(count + 3, 1 << 20));
        if !output.status.success() {
            break output;
        }
        count += 1;
        assert!(count < 24, "more than there is room for");
    };
    refused(&full, 28, &["full"]);
    assert!(count > 8, "only {count} fit");
    assert_eq!(store.content("first"), first);
    let small = run(&store.marcot(&["df"]));
    assert!(told(&small).contains("nearly full"), "{}", told(&small));
    store.run(&["rm", "--no-progress", "fill0"]);
    store.run(&["rm", "--no-progress", "fill1"]);
    store.run(&["rm", "--no-progress", "fill2"]);
    let again = import(&store, "again", &noise(99, 1 << 20));
    assert!(again.status.success(), "{}", told(&again));
    assert_eq!(store.content("first"), first);
    assert_eq!(store.content("again"), noise(99, 1 << 20));
    assert!(store.run(&["fsck", "--data"]).contains("clean"));
}

#[test]
fn writing_to_a_nearly_full_store_warns() {
    if !is_root("writing_to_a_nearly_full_store_warns") {
        return;
    }
    let store = Store::new();
    let _small = Small::mount(&store.path("store"), "24m");
    let output = import(&store, "one", &noise(1, 4 << 20));
    assert!(!told(&output).contains("warning"), "{}", told(&output));
    let output = import(&store, "two", &noise(2, 16 << 20));
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("marcot: warning: "), "{}", told(&output));
}

#[test]
fn a_file_system_that_others_fill_loses_nothing() {
    if !is_root("a_file_system_that_others_fill_loses_nothing") {
        return;
    }
    let store = Store::new();
    let _small = Small::mount(&store.path("store"), "24m");
    let first = noise(1, 4 << 20);
    assert!(import(&store, "first", &first).status.success());
    assert!(import(&store, "gone", &noise(4, 6 << 20)).status.success());
    store.run(&["snap", "create", "--no-progress", "gone@s"]);
    store.run(&["snap", "protect", "gone@s"]);
    store.run(&["clone", "gone@s", "clone"]);
    let other = store.path("store").join("other");
    assert!(fs::write(&other, noise(2, 32 << 20)).is_err(), "it is not full");
    refused(&import(&store, "second", &noise(3, 4 << 20)), 28, &["full"]);
    assert_eq!(store.run(&["ls"]), "clone\nfirst\ngone\n");
    assert_eq!(store.content("first"), first);
    // What gives space back works all the same, to the last block.
    store.run(&["rm", "--no-progress", "clone"]);
    store.run(&["snap", "unprotect", "gone@s"]);
    store.run(&["snap", "purge", "--no-progress", "gone"]);
    store.run(&["rm", "--no-progress", "gone"]);
    assert_eq!(store.run(&["ls"]), "first\n");
    fs::remove_file(&other).expect("it is ours");
    assert!(import(&store, "second", &noise(3, 4 << 20)).status.success());
    assert!(store.run(&["fsck", "--data"]).contains("clean"));
}

#[test]
fn a_store_that_cannot_be_made_for_want_of_room_says_so() {
    if !is_root("a_store_that_cannot_be_made_for_want_of_room_says_so") {
        return;
    }
    let store = Store::new();
    let _small = Small::mount(&store.path("store"), "1m");
    let other = store.path("store").join("other");
    assert!(fs::write(&other, noise(2, 2 << 20)).is_err(), "it is not full");
    refused(&run(&store.marcot(&["ls"])), 28, &["/store", "No space left"]);
    fs::remove_file(&other).expect("it is ours");
    assert_eq!(store.run(&["ls"]), "");
}
