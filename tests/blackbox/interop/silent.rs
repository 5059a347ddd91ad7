//! Holders of the lock where watchers cannot be listed (no shim): who hears a notification is alive
//! and hands the lock over, and whoever is silent is not taken for dead.

use super::holder::{Held, Kind};
use super::load::{Ended, Lane};
use super::party::Party;
use super::stage::Stage;
use crate::differential::cluster;

const LANE: Lane = Lane { blocks: 3..100, generation: 1 };

/// Ours, without the library that lists watchers; its exit code and what it said.
fn without_shim(stage: &Stage, line: &str) -> (i32, String) {
    let line = line.replace("{d}", &stage.disk());
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = stage.commands.rbd(Party::Marcot, &words);
    let output = command.env("MARCOT_RADOS_SHIM", "/nowhere/shim.so").output().expect("a process");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

#[test]
fn a_living_holder_answers_us() {
    let Some(conf) = cluster() else { return };
    let stage = Stage::new(&conf, "answers");
    let held = Held::start(Kind::Librbd, &conf, &stage.disk(), stage.commands.folder(), LANE);
    for line in ["snap create --no-progress {d}@s", "feature disable {d} deep-flatten"] {
        assert_eq!(without_shim(&stage, line), (0, String::new()), "{line}");
        held.load.comes_on();
    }
    assert_eq!(held.load.stop().0, Ended::Asked);
}

#[test]
fn a_silent_holder_keeps_the_lock() {
    let Some(conf) = cluster() else { return };
    let stage = Stage::new(&conf, "silent");
    let info = stage.must(Party::Ceph, "info {d}");
    let id = info.split_once("id: ").expect("an id").1.lines().next().expect("a line");
    // As of a client that died: its watch is gone, its lock is not.
    let mut lock = stage.commands.rados(&["-p", "silent", "lock", "get"]);
    lock.arg(format!("rbd_header.{id}"));
    lock.args(["rbd_lock", "--lock-cookie", "auto 94000000000000", "--lock-tag", "internal"]);
    assert!(lock.status().expect("rados").success());
    let before = stage.must(Party::Ceph, "lock ls {d}");
    let owner = before.split_once("client.").expect("a locker").1;
    let owner = format!("client.{}", owner.split(' ').next().expect("a number"));
    let blocked = stage.blocklist();

    for line in ["resize --no-progress --size 20M {d}", "snap create --no-progress {d}@s"] {
        let (code, said) = without_shim(&stage, line);
        assert_eq!(code, 95, "{line}: {said}");
        for part in [&*owner, "silent", "scripts/build-shim", "rbd lock rm"] {
            assert!(said.contains(part), "{line}: no {part}: {said}");
        }
    }
    assert_eq!(stage.must(Party::Ceph, "lock ls {d}"), before);
    assert_eq!(stage.blocklist(), blocked);

    // With the list of watchers it is proved to be gone.
    stage.must(Party::Marcot, "resize --no-progress --size 20M {d}");
    assert_eq!(stage.must(Party::Ceph, "lock ls {d}"), "");
    assert_ne!(stage.blocklist(), blocked);
}
