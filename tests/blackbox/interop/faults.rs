//! What happens to a cluster under load: our server waits, or its client gets a clear error. Never
//! wrong bytes, never a lock that two have.

use std::io::Read;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::holder::{Held, Kind};
use super::load::{Ended, Lane, Load};
use super::own_cluster::OwnCluster;
use super::party::Party;
use super::stage::{Stage, make_pool};
use crate::differential::cluster;

const POOL: &str = "hurt";
const LANE: Lane = Lane { blocks: 3..100, generation: 1 };
const OTHER: Lane = Lane { blocks: 120..221, generation: 3 };

/// Snapshots, in the order in which they are taken.
const SNAPSHOTS: [&str; 7] = [
    "@after-osd.0",
    "@after-osd.1",
    "@after-monitor",
    "@after-slowness",
    "@after-the-watch",
    "@after-the-pool",
    "@after-the-cluster",
];

/// After so long without its owner's sign of life a watch is over; owners show one every 5 s.
const WATCH_SECONDS: u64 = 10;

/// Long enough to hold up what is on its way, too short for an OSD to be taken for dead.
const SLOW: Duration = Duration::from_secs(6);

/// A cluster to hurt, and our server at work on it.
struct Scene {
    ceph: OwnCluster,
    stage: Stage,
    held: Held,
}

#[test]
fn a_hurt_cluster_makes_us_wait_and_loses_nothing() {
    if cluster().is_none() {
        return;
    }
    let ceph = OwnCluster::start();
    ceph.ceph(&format!("config set osd osd_client_watch_timeout {WATCH_SECONDS}"));
    let stage = Stage::new(&ceph.conf(), POOL);
    let folder = stage.commands.folder();
    let held = Held::start(Kind::Marcot, &ceph.conf(), &stage.disk(), folder, LANE);
    let scene = Scene { ceph, stage, held };
    scene.osds_die();
    scene.the_monitor_dies();
    scene.the_monitor_dies_while_we_flatten();
    scene.takes(Party::Marcot, "@after-monitor");
    scene.osds_are_slow();
    scene.takes(Party::Ceph, "@after-slowness");
    scene.the_watch_is_lost();
    scene.takes(Party::Ceph, "@after-the-watch");
    scene.the_pool_is_full();
    scene.takes(Party::Marcot, "@after-the-pool");
    scene.the_cluster_is_full();
    scene.takes(Party::Ceph, "@after-the-cluster");
    scene.the_client_is_shut_out();
}

impl Scene {
    fn takes(&self, party: Party, snapshot: &str) {
        self.stage.must(party, &format!("snap create --no-progress {{d}}{snapshot}"));
    }

    /// And come back: each object is on one of the two. A snapshot in between.
    fn osds_die(&self) {
        for (osd, party) in [("0", Party::Marcot), ("1", Party::Ceph)] {
            self.ceph.kill(&format!("osd.{osd}"));
            thread::sleep(Duration::from_secs(1));
            self.ceph.start_again("ceph-osd", osd);
            self.held.load.comes_on();
            self.takes(party, &format!("@after-osd.{osd}"));
        }
    }

    fn the_monitor_dies(&self) {
        self.ceph.kill("mon.a");
        thread::sleep(Duration::from_secs(1));
        self.ceph.start_again("ceph-mon", "a");
        self.held.load.comes_on();
    }

    /// OSDs that stand still keep the verb from ending before the monitor is back.
    fn the_monitor_dies_while_we_flatten(&self) {
        let clone = format!("{POOL}/flattened");
        let small = "--object-size 64K --stripe-unit 65536 --stripe-count 1";
        self.stage.must(Party::Ceph, &format!("clone {small} {POOL}/parent@s {clone}"));
        let mut flatten = self.stage.commands.rbd(Party::Marcot, &["flatten", &clone]);
        let mut flatten = flatten.stderr(Stdio::piped()).spawn().expect("a process");
        let mut progress = flatten.stderr.take().expect("it is a pipe");
        let (mut said, mut byte) = (String::new(), [0]);
        while !said.contains(": 5%") && progress.read(&mut byte).expect("a pipe") == 1 {
            said.push(char::from(byte[0]));
        }
        for osd in ["osd.0", "osd.1"] {
            self.ceph.signal(osd, Signal::STOP);
        }
        let ended = flatten.try_wait().expect("ours to wait for");
        self.ceph.kill("mon.a");
        thread::sleep(Duration::from_secs(1));
        self.ceph.start_again("ceph-mon", "a");
        for osd in ["osd.0", "osd.1"] {
            self.ceph.signal(osd, Signal::CONT);
        }
        progress.read_to_string(&mut said).expect("text");
        assert!(flatten.wait().expect("an end").success(), "{said}");
        assert_eq!(ended, None, "it had ended before the monitor did");
        self.held.load.comes_on();
        let info = self.stage.must(Party::Ceph, &format!("info {clone}"));
        assert!(!info.contains("parent:"), "{info}");
        assert!(self.stage.content(Party::Ceph, &clone) == self.stage.before, "wrong bytes");
        self.stage.clean(Party::Ceph, &clone);
    }

    fn osds_are_slow(&self) {
        for osd in ["osd.0", "osd.1"] {
            self.ceph.signal(osd, Signal::STOP);
            thread::sleep(SLOW);
            self.ceph.signal(osd, Signal::CONT);
            self.held.load.comes_on();
        }
    }

    /// Our server's own watch, while nobody else wants the lock: it gets both back.
    fn the_watch_is_lost(&self) {
        let server = self.held.server.as_ref().expect("a server");
        let before = self.stage.must(Party::Ceph, "status {d}");
        server.signal(Signal::STOP);
        thread::sleep(Duration::from_secs(WATCH_SECONDS + 4));
        assert!(self.stage.must(Party::Ceph, "status {d}").contains("none"), "not over");
        server.signal(Signal::CONT);
        self.held.load.comes_on();
        self.held.load.comes_on();
        let after = self.stage.must(Party::Ceph, "status {d}");
        assert_ne!(after, before);
        let cookie = after.rsplit_once("cookie=").expect("a watcher").1.trim();
        let locked = self.stage.must(Party::Ceph, "lock ls {d}");
        assert!(locked.contains(&format!("auto {cookie}")), "{locked} is not of {cookie}");
    }

    /// Writes wait, as librbd's do, and go on when there is room.
    fn the_pool_is_full(&self) {
        self.ceph.ceph(&format!("osd pool set-quota {POOL} max_objects 1"));
        self.wait_until("osd pool ls detail", "full_quota");
        self.load_waits();
        self.ceph.ceph(&format!("osd pool set-quota {POOL} max_objects 0"));
        self.held.load.comes_on();
    }

    /// No OSD has room. Removals work, ours as Ceph's, where a trash is there for what is being
    /// removed: neither makes one then. Writes wait.
    fn the_cluster_is_full(&self) {
        make_pool(&self.ceph.conf(), "untrashed");
        for line in ["create --size 8M untrashed/i", "create --size 8M {d}-too", "trash mv {d}-too"]
        {
            self.stage.must(Party::Ceph, line);
        }
        for party in [Party::Marcot, Party::Ceph] {
            let image = format!("{POOL}/{party}");
            let write = "bench --io-type write --io-size 4096 --io-total 65536";
            for line in [
                format!("create --size 8M {image}"),
                format!("{write} {image}"),
                format!("snap create --no-progress {image}@s"),
                format!("{write} {image}"),
            ] {
                self.stage.must(party.other(), &line);
            }
        }
        // Far below what an empty one needs, each below the next.
        self.full_ratios(["0.00001", "0.00002", "0.00003"]);
        self.wait_until("health detail", "osd.0 is full");
        self.wait_until("health detail", "osd.1 is full");
        self.load_waits();
        for party in [Party::Marcot, Party::Ceph] {
            self.stage.must(party, &format!("snap rm --no-progress {POOL}/{party}@s"));
            self.stage.must(party, &format!("rm --no-progress {POOL}/{party}"));
        }
        for (party, code, why) in [(Party::Marcot, 28, "rbd_trash"), (Party::Ceph, 2, "")] {
            let mut remove = self.stage.commands.rbd(party, &["rm", "untrashed/i"]);
            let refused = remove.output().expect("a process");
            let said = String::from_utf8_lossy(&refused.stderr);
            assert!(refused.status.code() == Some(code) && said.contains(why), "{party}: {said}");
        }
        self.load_waits();
        self.full_ratios(["0.85", "0.9", "0.95"]);
        self.held.load.comes_on();
        self.stage.must(Party::Marcot, "rm --no-progress untrashed/i");
    }

    /// Nearly full, too full for a backfill, full.
    fn full_ratios(&self, ratios: [&str; 3]) {
        let names = ["nearfull", "backfillfull", "full"];
        let mut settings: Vec<_> = names.into_iter().zip(ratios).collect();
        if ratios[2] > "0.5" {
            settings.reverse();
        }
        for (name, ratio) in settings {
            self.ceph.ceph(&format!("osd set-{name}-ratio {ratio}"));
        }
    }

    fn wait_until(&self, question: &str, part: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.ceph.ceph(question).contains(part) {
            assert!(Instant::now() < deadline, "{part} is not noticed");
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn load_waits(&self) {
        thread::sleep(Duration::from_secs(1));
        let before = self.held.load.acknowledged();
        thread::sleep(Duration::from_secs(1));
        assert_eq!(self.held.load.acknowledged(), before, "what is full takes writes");
    }

    /// By hand, while librbd asks it for the lock again and again: the load gets a clear error, and
    /// everything that it was told is there. Who asked goes on, and the next one takes over at
    /// once: who is shut out is dead.
    fn the_client_is_shut_out(self) {
        let Scene { ceph, stage, held } = self;
        let status = stage.must(Party::Ceph, "status {d}");
        let client = status.split_once("watcher=").expect("a watcher").1;
        let address = client.split(' ').next().expect("an address");
        let asking = Load::through_librbd(&ceph.conf(), &stage.disk(), OTHER);
        held.load.comes_on();
        asking.comes_on();
        ceph.ceph(&format!("osd blocklist add {address}"));
        let (why, acknowledged) = held.load.fails();
        assert_eq!(why, "ESHUTDOWN");
        drop(held.server);
        asking.comes_on();
        let (ended, asked) = asking.stop();
        assert_eq!(ended, Ended::Asked);
        let mut last = 0;
        for name in SNAPSHOTS.into_iter().chain([""]) {
            let seen = stage.content(Party::Ceph, &format!("{}{name}", stage.disk()));
            let moment =
                LANE.moment(&seen, &stage.before).unwrap_or_else(|how| panic!("{name}: {how}"));
            assert!(moment > last, "{name} is of {moment}, before {last}");
            last = moment;
        }
        assert!((acknowledged..=acknowledged + 1).contains(&last), "{last}, not {acknowledged}");
        let seen = stage.content(Party::Marcot, &stage.disk());
        assert_eq!(OTHER.moment(&seen, &stage.before), Ok(asked), "of who asked");
        let (folder, later) = (stage.commands.folder(), Lane { generation: 2, ..LANE });
        let next = Held::start(Kind::Marcot, &ceph.conf(), &stage.disk(), folder, later);
        assert_eq!(next.load.stop().0, Ended::Asked);
        drop(next.server);
        stage.clean(Party::Ceph, "{d}");
    }
}
