//! Whole pools from store to store: killed on the way, onto a Ceph cluster and back.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::differential::cluster;
use crate::store::{Store, told};

/// Two pools: an image with snapshots and data, a clone of it elsewhere with data of its own.
fn fill(store: &Store, (base, other): (&str, &str)) {
    for pool in [base, other] {
        let mut ceph = Command::new(env!("CARGO_BIN_EXE_marcot"));
        let at = format!("dir:{}", store.path("store").display());
        ceph.args(["ceph", "--store", &at, "osd", "pool", "create", pool]);
        let output = ceph.output().expect("a process");
        assert!(output.status.success(), "{}", told(&output));
    }
    let image = format!("{base}/a");
    let write = |image: &str, size: &str| {
        let total = ["bench", image, "--io-type", "write", "--io-total", size, "--io-size", "64K"];
        store.run(&[&total[..], &["--io-pattern", "rand"]].concat());
    };
    store.run(&["create", &image, "--size", "24M"]);
    write(&image, "12M");
    for snap in ["s1", "s2", "s3"] {
        store.run(&["snap", "create", "--no-progress", &format!("{image}@{snap}")]);
        write(&image, "1M");
    }
    store.run(&["snap", "rm", "--no-progress", &format!("{image}@s2")]);
    store.run(&["snap", "protect", &format!("{image}@s1")]);
    let clone = format!("{other}/c");
    store.run(&["clone", &format!("{image}@s1"), &clone]);
    write(&clone, "1M");
    store.run(&["image-meta", "set", &clone, "k", "v"]);
    store.run(&["namespace", "create", &format!("{other}/n")]);
    store.run(&["create", &format!("{other}/n/x"), "--size", "8M", "--data-pool", base]);
    write(&format!("{other}/n/x"), "1M");
}

/// All that can be read in these pools.
fn all((base, other): (&str, &str)) -> Vec<String> {
    let base = ["a", "a@s1", "a@s3"].map(|image| format!("{base}/{image}"));
    let other = ["c", "n/x"].map(|image| format!("{other}/{image}"));
    [&base[..], &other].concat()
}

#[track_caller]
fn same(one: &Store, other: &Store, pools: (&str, &str)) {
    for image in all(pools) {
        assert!(one.content(&image) == other.content(&image), "{image}");
    }
    let image = format!("{}/a", pools.0);
    for command in [&["snap", "ls", &image][..], &["ls", "-l", pools.1], &["info", &image]] {
        assert_eq!(one.run(command), other.run(command), "{command:?}");
    }
}

#[test]
fn a_copy_that_is_killed_with_its_host_is_taken_up_again() {
    let (from, to) = (Store::new(), Store::new());
    let pools = ("base", "other");
    fill(&from, pools);
    let there = format!("dir:{}", to.path("store").display());
    let push = ["pool", "push", "base", "other", "--to", &there];
    let mut first = from.marcot(&push).stderr(Stdio::piped()).spawn().expect("a process");
    let mut said = first.stderr.take().expect("it is a pipe");
    let mut byte = [0];
    let mut progress = String::new();
    // The comparison begins at half of it.
    while !progress.contains(": 2") && said.read(&mut byte).expect("a pipe") == 1 {
        progress.push(char::from(byte[0]));
    }
    to.kill_host();
    first.kill().expect("ours to kill");
    assert!(!first.wait().expect("an end").success(), "{progress}");
    let names = to.run(&["ls", "base"]);
    assert_eq!(names, "", "an image is there before all of it is");
    let refused = to.attempt(&["pool", "push", "base", "--to", "dir:/nowhere"]);
    assert_ne!(refused.status.code(), Some(0), "{}", told(&refused));
    assert!(from.run(&push).ends_with("objects, compared\n"));
    same(&from, &to, pools);
    to.end_host();
    assert!(to.run(&["fsck"]).contains("clean"));
}

#[test]
fn pools_go_up_to_ceph_and_come_back() {
    let Some(conf) = cluster() else { return };
    let (from, back) = (Store::new(), Store::new());
    let unique = std::process::id();
    let names = (format!("up-{unique}"), format!("up-{unique}-other"));
    let pools = (&names.0[..], &names.1[..]);
    fill(&from, pools);
    let there = format!("ceph:{}", conf.display());
    let words = |verb, option| ["pool", verb, pools.0, pools.1, option, &there];
    assert!(from.run(&words("push", "--to")).ends_with("objects, compared\n"));
    for image in all(pools) {
        let theirs = rbd(&conf, &["export", "--no-progress", &image, "-"]);
        assert!(from.content(&image) == theirs, "{image}");
    }
    for image in ["a", "a@s1", "a@s3"] {
        let image = format!("{}/{image}", pools.0);
        rbd(&conf, &["object-map", "check", "--no-progress", &image]);
        assert!(!String::from_utf8_lossy(&rbd(&conf, &["info", &image])).contains("invalid"));
    }
    let snapshot = format!("{}/a@s1", pools.0);
    let children = String::from_utf8(rbd(&conf, &["children", &snapshot])).expect("text");
    assert_eq!(children, format!("{}/c\n", pools.1));
    // The copy lives on: snapshots get ids that no object knows yet, the clone is cut loose.
    rbd(&conf, &["snap", "create", "--no-progress", &format!("{}/a@new", pools.0)]);
    rbd(&conf, &["flatten", "--no-progress", &format!("{}/c", pools.1)]);
    assert!(back.run(&words("pull", "--from")).ends_with("objects, compared\n"));
    for image in all(pools).into_iter().chain([format!("{}/a@new", pools.0)]) {
        let theirs = rbd(&conf, &["export", "--no-progress", &image, "-"]);
        assert!(back.content(&image) == theirs, "{image}");
    }
    for name in [pools.0, pools.1] {
        let mut ceph = Command::new("timeout");
        ceph.args(["-s", "KILL", "20", "ceph", "-c"]).arg(&conf);
        ceph.args(["osd", "pool", "rm", name, name, "--yes-i-really-really-mean-it"]);
        // Whether pools can be removed is the cluster's affair.
        let _ = ceph.output();
    }
}

/// Ceph's own command, which must work; what it prints.
#[track_caller]
fn rbd(conf: &Path, words: &[&str]) -> Vec<u8> {
    let mut rbd = Command::new("timeout");
    rbd.args(["-s", "KILL", "60", "rbd", "-c"]).arg(conf).args(words);
    let output = rbd.output().expect("a process");
    assert!(output.status.success(), "{words:?}: {}", told(&output));
    output.stdout
}
