//! Stores that are none, and clusters that do not answer.

use std::fs;
use std::process::Command;
use std::time::Instant;

use super::{refused, run};
use crate::store::{Store, told};

fn on(spec: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marcot"));
    command.args(["--store", spec, "ls"]).env_remove("MARCOT_STORE").env_remove("CEPH_CONF");
    command
}

#[test]
fn text_that_names_no_store_is_refused() {
    for spec in ["", "nonsense", "dir:", "ceph", "/a/path"] {
        refused(&run(&on(spec)), 22, &["dir:PATH"]);
    }
}

#[test]
fn places_where_no_store_can_be_are_refused() {
    refused(&run(&on("dir:/proc")), 2, &["/proc"]);
    refused(&run(&on("dir:/proc/nothing")), 2, &["/proc/nothing"]);
    let store = Store::new();
    let file = store.path("file");
    fs::write(&file, "no store").expect("room");
    refused(&run(&on(&format!("dir:{}", file.display()))), 20, &["file is not a directory"]);
    let below = format!("dir:{}/below", file.display());
    refused(&run(&on(&below)), 20, &["Not a directory"]);
    assert_eq!(fs::read(&file).expect("it is there"), b"no store");
    // Only parents that are missing are made.
    let deep = store.path("a/b/c");
    assert!(run(&on(&format!("dir:{}", deep.display()))).status.success());
    assert!(deep.is_dir());
}

#[test]
fn a_ceph_configuration_that_is_not_there_is_named() {
    let output = run(&on("ceph:/nothing/ceph.conf"));
    // Without librados that is what is told.
    refused(&output, 2, &[]);
    let told = told(&output);
    assert!(told.contains("/nothing/ceph.conf") || told.contains("librados"), "{told}");
}

#[test]
fn a_cluster_that_does_not_answer_is_given_up_with_a_word() {
    let store = Store::new();
    let conf = store.path("ceph.conf");
    let text = "[global]\nmon_host = 127.0.0.1:1\nauth_client_required = none\n";
    fs::write(&conf, text).expect("room");
    let began = Instant::now();
    let mut command = on(&format!("ceph:{}", conf.display()));
    command.args(["--connect-timeout", "3"]);
    let output = run(&command);
    let said = told(&output);
    if said.contains("librados") && output.status.code() == Some(2) {
        eprintln!("no librados: the cluster could not be asked");
        return;
    }
    // A minute is the limit of `run`.
    refused(&output, 110, &["ceph.conf", "waiting for the Ceph cluster"]);
    eprintln!("given up after {:?}", began.elapsed());
}
