//! Whole pools from store to store: killed on the way, onto a Ceph cluster and back.

mod killed;

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::differential::cluster;
use crate::store::{Store, told};

/// Two pools: an image with snapshots and data, a clone of it elsewhere with data of its own.
fn fill(store: &Store, (base, other): (&str, &str)) {
    for pool in [base, other] {
        own_ceph(store, &["osd", "pool", "create", pool]);
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
    // Pools that nobody owns make the cluster's health a warning.
    let owner = ceph(&conf, &["osd", "pool", "application", "get", pools.0]);
    assert!(String::from_utf8_lossy(&owner.stdout).contains("\"rbd\""), "{owner:?}");
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
    remove_pools(&conf, &[pools.0, pools.1]);
}

/// Images of every kind that Ceph's commands make, in pools whose names begin with `name`.
fn fill_by_ceph(conf: &Path, name: &str) {
    let other = format!("{name}b");
    for pool in [name, &other] {
        ceph(conf, &["osd", "pool", "create", pool, "4"]);
        rbd(conf, &["pool", "init", pool]);
    }
    let words = |line: &str| -> Vec<String> {
        let line = line.replace("OTHER", &other).replace("POOL", name);
        line.split(' ').map(str::to_owned).collect()
    };
    for line in [
        "create POOL/im --size 8M --image-feature layering,exclusive-lock,journaling",
        "create POOL/d --size 8M --data-pool OTHER",
        "create POOL/st --size 8M --stripe-unit 65536 --stripe-count 4",
        "bench POOL/im --io-type write --io-total 1M --io-size 64K --io-pattern rand",
        "bench POOL/d --io-type write --io-total 1M --io-size 64K --io-pattern rand",
        "bench POOL/st --io-type write --io-total 1M --io-size 64K --io-pattern rand",
        "group create POOL/g",
        "group image add POOL/g POOL/d",
        "group image add POOL/g POOL/st",
        "group snap create POOL/g@gs",
        "bench POOL/st --io-type write --io-total 512K --io-size 64K --io-pattern rand",
        "snap create POOL/d@u --no-progress",
        "snap protect POOL/d@u",
        "clone POOL/d@u OTHER/c2 --rbd-default-clone-format 2",
        "clone POOL/d@u OTHER/c1 --rbd-default-clone-format 1",
        "create POOL/tr --size 4M",
        "trash mv POOL/tr",
        "create POOL/v1 --size 8M --image-format 1",
        "bench POOL/v1 --io-type write --io-total 512K --io-size 64K",
        "snap create POOL/v1@s --no-progress",
        "bench POOL/v1 --io-type write --io-total 256K --io-size 64K",
        "image-meta set POOL/st k v",
        "config pool set POOL rbd_cache false",
        "namespace create POOL/n",
        "create POOL/n/x --size 4M",
    ] {
        let line = words(line);
        rbd(conf, &line.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// What Ceph's commands say and read there, with the pools called alike and without their ids.
fn seen_by_ceph(conf: &Path, name: &str) -> Vec<String> {
    let other = format!("{name}b");
    let mut seen = Vec::new();
    for line in [
        "ls POOL",
        "ls OTHER",
        "ls POOL/n",
        "trash ls POOL",
        "info POOL/im",
        "info POOL/d",
        "info POOL/st",
        "info POOL/v1",
        "info OTHER/c1",
        "info OTHER/c2",
        "snap ls --all POOL/d --format json",
        "snap ls --all POOL/st --format json",
        "snap ls POOL/v1",
        "children POOL/d@u",
        "group ls POOL",
        "group image ls POOL/g",
        "group snap ls POOL/g",
        "image-meta ls POOL/st",
        "config pool get POOL rbd_cache",
        "export POOL/im - --no-progress",
        "export POOL/d - --no-progress",
        "export POOL/d@u - --no-progress",
        "export POOL/st - --no-progress",
        "export POOL/v1 - --no-progress",
        "export POOL/v1@s - --no-progress",
        "export OTHER/c1 - --no-progress",
        "export OTHER/c2 - --no-progress",
    ] {
        let asked = line.replace("OTHER", &other).replace("POOL", name);
        let said = rbd(conf, &asked.split(' ').collect::<Vec<_>>());
        let text = String::from_utf8_lossy(&said).replace(name, "POOL");
        // `.group.POOL_GROUP_SNAPSHOT`, the pool by its id.
        let parts = text.split(".group.").map(|part| part.split_once('_').unwrap_or(("", part)).1);
        seen.push(format!("{line}\n{}", parts.collect::<Vec<_>>().join(".group.")));
    }
    seen
}

#[test]
fn what_ceph_made_comes_down_and_goes_up_again() {
    let Some(conf) = cluster() else { return };
    let name = format!("down-{}", std::process::id());
    fill_by_ceph(&conf, &name);
    let store = Store::new();
    let there = format!("ceph:{}", conf.display());
    let pull = ["pool", "pull", &name, "--with-related", "--from", &there];
    assert!(store.run(&pull).ends_with("objects, compared\n"));
    let copy = format!("{name}-up");
    for (from, to) in [(name.clone(), copy.clone()), (format!("{name}b"), format!("{copy}b"))] {
        own_ceph(&store, &["osd", "pool", "rename", &from, &to]);
    }
    let push = ["pool", "push", &copy, "--with-related", "--to", &there];
    assert!(store.run(&push).ends_with("objects, compared\n"));
    let (wanted, found) = (seen_by_ceph(&conf, &name), seen_by_ceph(&conf, &copy));
    for (wanted, found) in wanted.iter().zip(&found) {
        assert_eq!(found.replace("POOL-up", "POOL"), *wanted);
    }
    // And it is whole: groups, links of both clone formats and the journal work.
    for line in [
        "object-map check POOL/d --no-progress",
        "object-map check POOL/st --no-progress",
        "group snap rollback POOL/g@gs --no-progress",
        "group snap rm POOL/g@gs",
        "flatten POOLb/c1 --no-progress",
        "flatten POOLb/c2 --no-progress",
        "snap unprotect POOL/d@u",
        "bench POOL/im --io-type write --io-total 64K --io-size 64K",
        "trash purge POOL --no-progress",
    ] {
        let line = line.replace("POOL", &copy);
        rbd(&conf, &line.split(' ').collect::<Vec<_>>());
    }
    let pools = [name.clone(), format!("{name}b"), copy.clone(), format!("{copy}b")];
    remove_pools(&conf, &pools.each_ref().map(String::as_str));
}

fn ceph(conf: &Path, words: &[&str]) -> std::process::Output {
    let mut ceph = Command::new("timeout");
    ceph.args(["-s", "KILL", "20", "ceph", "-c"]).arg(conf).args(words);
    ceph.output().expect("a process")
}

/// Whether pools can be removed is the cluster's affair.
fn remove_pools(conf: &Path, names: &[&str]) {
    for name in names {
        ceph(conf, &["osd", "pool", "rm", name, name, "--yes-i-really-really-mean-it"]);
    }
}

/// `ceph`, on an embedded store.
fn own_ceph(store: &Store, words: &[&str]) {
    let mut ceph = Command::new(env!("CARGO_BIN_EXE_marcot"));
    let at = format!("dir:{}", store.path("store").display());
    let output = ceph.args(["ceph", "--store", &at]).args(words).output().expect("a process");
    assert!(output.status.success(), "{words:?}: {}", told(&output));
}

/// Ceph's own command, which must work; what it prints.
#[track_caller]
fn rbd(conf: &Path, words: &[&str]) -> Vec<u8> {
    let mut rbd = Command::new("timeout");
    // Format 1 is made only for those who ask for it like this.
    rbd.env("RBD_FORCE_ALLOW_V1", "1");
    rbd.args(["-s", "KILL", "60", "rbd", "-c"]).arg(conf).args(words);
    let output = rbd.output().expect("a process");
    assert!(output.status.success(), "{words:?}: {}", told(&output));
    output.stdout
}
