//! The same commands through the real `rbd` on a live cluster and through ours on a directory:
//! output and exit code of each, then every byte of every image and snapshot, then every object
//! with its omap and attributes. Ids and times are normalised, nothing else.
//!
//! Needs a cluster: `scripts/test` starts one and names it in `MARCOT_TEST_CEPH_CONF`.

mod dump;
mod script;
mod side;

use std::collections::BTreeSet;

use dump::dump;
use side::Side;

#[test]
fn ceph_and_marcot_do_the_same() {
    let Some(conf) = std::env::var_os("MARCOT_TEST_CEPH_CONF") else {
        assert!(std::env::var_os("CI").is_none(), "MARCOT_TEST_CEPH_CONF is not set");
        eprintln!("no cluster: set MARCOT_TEST_CEPH_CONF (scripts/test does)");
        return;
    };
    let mut problems = Vec::new();
    for (name, commands) in script::SCRIPTS {
        let theirs = Side::ceph(conf.clone().into());
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
    let (want, got) = (dump(&theirs.open()), dump(&ours.open()));
    let mut problems = Vec::new();
    for line in want.difference(&got) {
        problems.push(format!("only ceph has:   {line}"));
    }
    for line in got.difference(&want) {
        problems.push(format!("only marcot has: {line}"));
    }
    problems
}
