//! The same commands through the real `rbd` on a live cluster and through ours on a directory:
//! output and exit code of each, then every byte of every image and snapshot, then every object
//! with its omap and attributes. Ids and times are normalised, nothing else.
//!
//! `campaign` does that with random lists of operations through librbd and through our library.
//!
//! Needs a cluster: `scripts/test` starts one and names it in `MARCOT_TEST_CEPH_CONF`.

mod campaign;
mod dump;
mod generate;
mod judge;
mod names;
mod operation;
mod ours;
mod rados;
mod record;
mod script;
mod sequence;
mod side;
mod texts;

use std::collections::BTreeSet;
use std::path::PathBuf;

pub(crate) use judge::Judge;
pub(crate) use operation::{Answer, Operation, pattern};
pub(crate) use ours::Ours;

use dump::only_in;
use side::Side;

/// The cluster to compare with; without one there is nothing to do but in CI, where it must be.
pub(crate) fn cluster() -> Option<PathBuf> {
    let conf = std::env::var_os("MARCOT_TEST_CEPH_CONF");
    if conf.is_none() {
        assert!(std::env::var_os("CI").is_none(), "MARCOT_TEST_CEPH_CONF is not set");
        eprintln!("no cluster: set MARCOT_TEST_CEPH_CONF (scripts/test does)");
    }
    conf.map(PathBuf::from)
}

#[test]
fn ceph_and_marcot_do_the_same() {
    let Some(conf) = cluster() else { return };
    let mut problems = Vec::new();
    for (name, commands) in script::SCRIPTS {
        let theirs = Side::ceph(conf.clone());
        let ours = Side::marcot(theirs.pool());
        problems.push(format!("script {name}:"));
        let before = problems.len();
        for command in script::commands(commands) {
            let (want, got) = (theirs.run(&command), ours.run(&command));
            if want != got {
                problems.push(format!("$ {command}\nceph:\n{want}marcot:\n{got}"));
            }
        }
        problems.extend(compare_contents(&theirs, &ours));
        problems.extend(compare_objects(&theirs, &ours));
        if problems.len() == before {
            problems.pop();
        }
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

/// Every image and snapshot, byte by byte.
fn compare_contents(theirs: &Side, ours: &Side) -> Vec<String> {
    let names: BTreeSet<String> = theirs.images_and_snapshots();
    let mut problems = Vec::new();
    for name in names {
        if theirs.content(&name) != ours.content(&name) {
            problems.push(format!("{name}: the bytes differ"));
        }
    }
    problems
}

/// Every object: name, data, omap, attributes.
fn compare_objects(theirs: &Side, ours: &Side) -> Vec<String> {
    let (want, got) = (side::objects(&theirs.open()), side::objects(&ours.open()));
    let mut problems = Vec::new();
    for line in only_in(&want, &got) {
        problems.push(format!("only ceph has:   {line}"));
    }
    for line in only_in(&got, &want) {
        problems.push(format!("only marcot has: {line}"));
    }
    problems
}
