//! Flattening by us while somebody writes: what OSDs copy among themselves goes under what is
//! written, never over it, wherever the flatten is cut short.

use std::ops::RangeInclusive;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use super::holder::{Held, Kind};
use super::load::{Ended, Lane};
use super::party::{Commands, Party};
use super::stage::{Size, Stage};
use crate::differential::cluster;

/// So many that the writer is not through with them when the flatten ends: what it wrote once and
/// lost it would write again.
const BLOCKS: usize = 1920;
/// One to an object: a writer meets objects that nobody has touched all the while.
const SIZE: Size = Size { blocks: BLOCKS, object_size: "64K" };
const LANE: Lane = Lane { blocks: 0..BLOCKS as u64, generation: 1 };

/// With the features that every client may ignore: writers and who flattens do not wait for each
/// other.
const NO_LOCK: &str = " --image-feature layering";

/// So many objects are on their way at once that a writer often meets one.
const MANY: &str = "--rbd-concurrent-management-ops=128";

/// Our flatten as a process that can be killed.
fn flattening(stage: &Stage, conf: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_marcot"));
    command.arg("--store").arg(format!("ceph:{}", conf.display()));
    command.args([MANY, "flatten", "--no-progress", &stage.disk()]).env_remove("CEPH_ARGS");
    command.spawn().expect("a process")
}

fn has_parent(stage: &Stage) -> bool {
    stage.must(Party::Ceph, "info {d}").contains("parent:")
}

/// The bytes at the end, by both sides.
fn check(stage: &Stage, acknowledged: RangeInclusive<u64>) {
    assert!(!has_parent(stage));
    for side in [Party::Ceph, Party::Marcot] {
        let seen = stage.content(side, &stage.disk());
        let moment = LANE.moment(&seen, &stage.before).unwrap_or_else(|how| panic!("{how}"));
        assert!(acknowledged.contains(&moment), "{moment}, not {acknowledged:?}");
        assert_eq!(LANE.rest_is(&seen, &stage.before), Ok(()));
        if stage.must(side, "info {d}").contains("object-map") {
            stage.clean(side, &stage.disk());
        }
    }
}

/// Flattens, killed again and again, what `kind` is writing to.
fn beside(kind: Kind, pool: &str) {
    let Some(conf) = cluster() else { return };
    let stage = Stage::of(&conf, pool, SIZE, NO_LOCK);
    let held = Held::start(kind, &conf, &stage.disk(), stage.commands.folder(), LANE);
    for milliseconds in [150, 250] {
        let mut child = flattening(&stage, &conf);
        thread::sleep(Duration::from_millis(milliseconds));
        // It may have come to its end.
        let _ = child.kill();
        child.wait().expect("it ends");
    }
    if has_parent(&stage) {
        stage.must(Party::Marcot, &format!("{MANY} flatten --no-progress {{d}}"));
    }
    let (ended, acknowledged) = held.load.stop();
    assert_eq!(ended, Ended::Asked);
    drop(held.server);
    check(&stage, acknowledged..=acknowledged);
}

#[test]
fn our_flatten_beside_our_server() {
    beside(Kind::Marcot, "flatten_marcot");
}

#[test]
fn our_flatten_beside_qemu() {
    beside(Kind::Qemu, "flatten_qemu");
}

#[test]
fn our_flatten_beside_librbd() {
    beside(Kind::Librbd, "flatten_librbd");
}

/// `rbd flatten` asks our server, which has the lock and writes; both die over it.
#[test]
fn our_server_flattens_for_rbd_and_dies() {
    let Some(conf) = cluster() else { return };
    let stage = Stage::of(&conf, "flatten_asked", SIZE, "");
    let held = Held::start(Kind::Marcot, &conf, &stage.disk(), stage.commands.folder(), LANE);
    let mut asking = Command::new("rbd");
    stage.commands.as_ceph(&mut asking);
    let mut asking = asking.args(["flatten", "--no-progress", &stage.disk()]).spawn().expect("rbd");
    thread::sleep(Duration::from_millis(90));
    held.server.as_ref().expect("a process").signal(Signal::KILL);
    // It may have come to its end.
    let _ = asking.kill();
    asking.wait().expect("it ends");
    let (_, acknowledged) = held.load.fails();
    drop(held.server);
    // The dead ones' watches would last for half a minute.
    stage.shut_out_watchers();
    if has_parent(&stage) {
        stage.must(Party::Marcot, "flatten --no-progress {d}");
    }
    // The last stamp may have arrived without having been acknowledged.
    check(&stage, acknowledged..=acknowledged + 1);
}

/// Who may write the clone's pool and only read the parent's: OSDs copy for that client too.
#[test]
fn a_client_that_may_only_read_the_parent_flattens() {
    let Some(conf) = std::env::var_os("MARCOT_TEST_CEPHX_CONF") else {
        assert!(std::env::var_os("CI").is_none(), "MARCOT_TEST_CEPHX_CONF is not set");
        eprintln!("no cluster: set MARCOT_TEST_CEPHX_CONF (scripts/test does)");
        return;
    };
    let commands = Commands::new(Path::new(&conf));
    let must = |party, line: &str| commands.must(party, line).unwrap_or_else(|how| panic!("{how}"));
    let bytes: Vec<u8> = (0..6 << 20).map(|at| (at / 4096 % 250) as u8 + 1).collect();
    let file = commands.folder().join("bytes");
    std::fs::write(&file, &bytes).expect("a file");
    let gone =
        ["rm --no-progress vms/leaf", "snap unprotect images/root@s", "snap purge images/root"];
    for line in gone.iter().chain(&["rm --no-progress images/root"]) {
        // Left by a run that was cut short.
        commands.run(Party::Ceph, &line.split(' ').collect::<Vec<_>>());
    }
    must(Party::Ceph, &format!("import --no-progress {} images/root", file.display()));
    must(Party::Ceph, "snap create --no-progress images/root@s");
    must(Party::Ceph, "snap protect images/root@s");
    for format in ["1", "2"] {
        let clone = format!("--rbd-default-clone-format {format} images/root@s vms/leaf");
        must(Party::Marcot, &format!("--id vms clone {clone}"));
        let log = commands.folder().join(format);
        let words = ["--id", "vms", "flatten", "--no-progress", "vms/leaf"];
        let mut flatten = commands.rbd(Party::Marcot, &words);
        flatten.env("CEPH_ARGS", format!("--log-file={} --debug-objecter=10", log.display()));
        assert!(flatten.status().expect("a process").success(), "clone v{format}");
        let log = String::from_utf8_lossy(&std::fs::read(log).expect("a log")).into_owned();
        assert!(log.contains("copy-from"), "clone v{format} was copied through the client");
        assert!(must(Party::Ceph, "export --no-progress vms/leaf -").out == bytes);
        assert!(must(Party::Ceph, "children images/root@s").out.is_empty());
        must(Party::Ceph, "rm --no-progress vms/leaf");
    }
    must(Party::Ceph, "snap unprotect images/root@s");
    must(Party::Ceph, "snap rm --no-progress images/root@s");
    must(Party::Ceph, "rm --no-progress images/root");
}
