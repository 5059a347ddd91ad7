//! A machine on an image of ours, with nothing of ours in between: QEMU opens it through librbd.

use std::fs;
use std::process::Command;

use super::party::Party;
use super::stage::{make_pool, remove_pool};
use crate::differential::cluster;
use crate::machine::guest::{guest_directory, path_with_sbin, top};

const POOL: &str = "interop_guest";

#[test]
fn qemu_boots_what_we_wrote_and_we_read_what_it_wrote() {
    let Some(conf) = cluster() else { return };
    let guest = guest_directory();
    let commands = make_pool(&conf, POOL);
    let must = |line: &str| {
        let line = line.replace("{p}", POOL);
        if let Err(problem) = commands.must(Party::Marcot, &line) {
            panic!("{problem}");
        }
    };
    let disk = guest.join("disk.raw");
    must(&format!("import --no-progress {} {{p}}/base", disk.display()));
    must("snap create --no-progress {p}/base@s");
    must("snap protect {p}/base@s");
    must("clone {p}/base@s {p}/vm");

    let drive = format!("driver=rbd,pool={POOL},image=vm,conf={}", conf.display());
    let booted = Command::new(top().join("scripts/guest/boot"))
        .arg(&guest)
        .arg(drive)
        .args(["mark=by-way-of-librbd", "work=5"])
        .env("CEPH_ARGS", "--log-to-stderr=false --err-to-stderr=false")
        .output()
        .expect("boot");
    let told = String::from_utf8_lossy(&booted.stdout);
    assert!(booted.status.success() && told.contains("step 5 is on disk"), "{booted:?}");

    let exported = commands.folder().join("vm.raw");
    must(&format!("export --no-progress {{p}}/vm {}", exported.display()));
    let read = |path: &str| {
        let shown = Command::new("debugfs")
            .args(["-R", &format!("cat {path}")])
            .arg(&exported)
            .env("PATH", path_with_sbin())
            .output()
            .expect("debugfs");
        String::from_utf8_lossy(&shown.stdout).trim().to_owned()
    };
    assert_eq!(read("/mark"), "by-way-of-librbd");
    assert_eq!(read("/tmp/step.5"), "by-way-of-librbd 5");
    let theirs =
        commands.run(Party::Ceph, &["export", "--no-progress", &format!("{POOL}/vm"), "-"]);
    assert!(theirs.out == fs::read(&exported).expect("what we read"), "the sides differ");
    must("--no-progress object-map check {p}/vm");
    let base =
        commands.run(Party::Marcot, &["export", "--no-progress", &format!("{POOL}/base@s"), "-"]);
    assert!(base.out == fs::read(&disk).expect("the disk"), "the parent changed");
    remove_pool(&commands, POOL);
}
