//! A real guest on a clone, while the process under it is killed: the guest goes on.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::store::Store;

/// How many synced steps the guest takes.
const STEPS: usize = 40;

#[test]
fn qemu_guest_goes_on_when_the_host_is_killed() {
    let guest = guest_directory();
    let store = Store::new();
    let disk = guest.join("disk.raw");
    store.run(&["import", "--no-progress", disk.to_str().expect("text"), "base"]);
    store.run(&["snap", "create", "--no-progress", "base@s"]);
    store.run(&["snap", "protect", "base@s"]);
    store.run(&["clone", "base@s", "vm"]);
    let socket = store.path("vm.sock");
    let socket_text = socket.to_str().expect("text");
    let server = store.serve("rbd/vm", &socket);

    let log = store.path("guest.log");
    let drive = format!(
        "driver=nbd,server.type=unix,server.path={socket_text},export=rbd/vm,reconnect-delay=60"
    );
    let mut machine = Command::new(top().join("scripts/guest/boot"))
        .arg(&guest)
        .arg(drive)
        .args(["mark=vm", &format!("work={STEPS}")])
        .stdout(fs::File::create(&log).expect("a log"))
        .stdin(Stdio::null())
        .spawn()
        .expect("boot");
    let steps_done = || fs::read_to_string(&log).unwrap_or_default().matches(" is on disk").count();
    let mut kills = 0;
    for after in [5, 15, 25] {
        wait_for("the guest's next steps", || steps_done() >= after);
        wait_for("a host", || store.host().is_some());
        store.kill_host();
        kills += 1;
    }
    let status = machine.wait().expect("the guest");
    let told = fs::read_to_string(&log).expect("the log");
    assert!(status.success(), "{told}");
    assert_eq!((kills, steps_done()), (3, STEPS), "{told}");

    server.ask_to_end();
    store.run(&["host", "stop"]);

    // Every step that the guest was told is on disk is on disk.
    let exported = store.path("vm.raw");
    let exported_text = exported.to_str().expect("text");
    store.run(&["export", "--no-progress", "vm", exported_text]);
    for step in 1..=STEPS {
        let shown = Command::new("debugfs")
            .args(["-R", &format!("cat /tmp/step.{step}"), exported_text])
            .env("PATH", path_with_sbin())
            .output()
            .expect("debugfs");
        assert_eq!(String::from_utf8_lossy(&shown.stdout).trim(), format!("vm {step}"));
    }
    store.run(&["fsck"]);
    assert!(store.content("base@s") == fs::read(&disk).expect("the disk"), "the parent changed");
}

fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !happened() {
        assert!(Instant::now() < deadline, "waited two minutes for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The guest of `scripts/guest/build`, built on first use.
pub(crate) fn guest_directory() -> PathBuf {
    let directory = top().join("target/guest");
    let built = Command::new(top().join("scripts/guest/build")).arg(&directory).status();
    assert!(built.expect("scripts/guest/build").success(), "the guest could not be built");
    directory
}

pub(crate) fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn path_with_sbin() -> String {
    format!("{}:/sbin:/usr/sbin", std::env::var("PATH").unwrap_or_default())
}
