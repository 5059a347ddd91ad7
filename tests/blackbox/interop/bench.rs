//! Ceph's own `rbd bench` holds the image and writes; we do everything to it that another client
//! may. Its bytes are random: what is compared is what both sides see, and snapshots with
//! themselves later on.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::party::Party;
use super::stage::Stage;
use crate::differential::cluster;

/// Not shrinking: `rbd bench` goes on to write where the image was.
const VISITS: &[&str] = &[
    "snap create --no-progress {d}@early",
    "snap protect {d}@early",
    "resize --no-progress --size 20M {d}",
    "image-meta set {d} visited yes",
    "flatten --no-progress {d}",
    // Writing asks for the lock; the other writer takes it back.
    "bench --io-type write --io-size 4096 --io-total 16384 --io-threads 1 {d}",
    "snap create --no-progress {d}@late",
    "snap unprotect {d}@early",
    "snap rename {d}@late {d}@latest",
];

/// A writer that ends when it is dropped, if not before.
struct Bench(Child);

impl Bench {
    fn start(stage: &Stage) -> Bench {
        let mut command = Command::new("rbd");
        command.args(["bench", "--io-type", "write", "--io-pattern", "rand", "--io-size", "4096"]);
        command.args(["--io-threads", "4", "--io-total", "64G", &stage.disk()]);
        stage.commands.as_ceph(&mut command);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Bench(child.expect("rbd"))
    }

    fn goes_on(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // It has ended already where the test fails for that.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until the one who holds the lock is `rbd bench` again, whose client has that number.
fn holds(stage: &Stage, client: Option<&str>) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let locked = stage.must(Party::Marcot, "lock ls {d}");
        let owner = locked.split_once("client.").map(|(_, rest)| rest.split(' ').next());
        match owner.flatten() {
            Some(owner) if client.is_none_or(|client| client == owner) => return owner.to_owned(),
            _ => assert!(Instant::now() < deadline, "not held by {client:?}: {locked}"),
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn we_work_on_what_rbd_bench_holds() {
    let Some(conf) = cluster() else { return };
    let stage = Stage::new(&conf, "together_bench");
    let mut bench = Bench::start(&stage);
    let client = holds(&stage, None);
    let mut early = Vec::new();
    for line in VISITS {
        stage.must(Party::Marcot, line);
        assert!(bench.goes_on(), "rbd bench ended after {line}");
        holds(&stage, Some(&client));
        if early.is_empty() {
            early = stage.content(Party::Marcot, &format!("{}@early", stage.disk()));
        }
    }
    drop(bench);
    stage.shut_out_watchers();

    assert!(early != stage.before, "rbd bench wrote nothing");
    let info = stage.must(Party::Marcot, "info {d}");
    assert!(info.contains("size 20 MiB") && !info.contains("parent:"), "{info}");
    assert_eq!(info, stage.must(Party::Ceph, "info {d}"));
    for name in ["@early", "@latest", ""] {
        let name = format!("{}{name}", stage.disk());
        let seen = stage.content(Party::Ceph, &name);
        assert!(seen == stage.content(Party::Marcot, &name), "{name} differs");
        assert!(!name.ends_with("@early") || seen == early, "{name} has changed");
        for side in [Party::Ceph, Party::Marcot] {
            stage.clean(side, &name);
        }
    }
}
