//! What happens to a cluster under load: our server waits, or its client gets a clear error. Never
//! wrong bytes, never a lock that two have.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::holder::{Held, Kind};
use super::load::{Ended, Lane};
use super::own_cluster::OwnCluster;
use super::party::Party;
use super::stage::Stage;
use crate::differential::cluster;

const POOL: &str = "hurt";
const LANE: Lane = Lane { blocks: 3..100, generation: 1 };

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
    scene.stage.must(Party::Ceph, "snap create --no-progress {d}@after-osds");
    scene.the_monitor_dies();
    scene.stage.must(Party::Marcot, "snap create --no-progress {d}@after-monitor");
    scene.osds_are_slow();
    scene.stage.must(Party::Ceph, "snap create --no-progress {d}@after-slowness");
    scene.the_watch_is_lost();
    scene.stage.must(Party::Ceph, "snap create --no-progress {d}@after-the-watch");
    scene.the_pool_is_full();
    scene.the_client_is_shut_out();
}

impl Scene {
    /// And come back: each object is on one of the two.
    fn osds_die(&self) {
        for osd in ["0", "1"] {
            self.ceph.kill(&format!("osd.{osd}"));
            thread::sleep(Duration::from_secs(1));
            self.ceph.start_again("ceph-osd", osd);
            self.held.load.comes_on();
        }
    }

    fn the_monitor_dies(&self) {
        self.ceph.kill("mon.a");
        thread::sleep(Duration::from_secs(1));
        self.ceph.start_again("ceph-mon", "a");
        self.held.load.comes_on();
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
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.ceph.ceph("osd pool ls detail").contains("full_quota") {
            assert!(Instant::now() < deadline, "the quota is not noticed");
            thread::sleep(Duration::from_millis(200));
        }
        thread::sleep(Duration::from_secs(1));
        let before = self.held.load.acknowledged();
        thread::sleep(Duration::from_secs(1));
        assert_eq!(self.held.load.acknowledged(), before, "a full pool takes writes");
        self.ceph.ceph(&format!("osd pool set-quota {POOL} max_objects 0"));
        self.held.load.comes_on();
    }

    /// By hand: the load gets a clear error, and everything that it was told is there. The next
    /// one takes over at once: who is shut out is dead.
    fn the_client_is_shut_out(self) {
        let Scene { ceph, stage, held } = self;
        let status = stage.must(Party::Ceph, "status {d}");
        let client = status.split_once("watcher=").expect("a watcher").1;
        let address = client.split(' ').next().expect("an address");
        ceph.ceph(&format!("osd blocklist add {address}"));
        let (why, acknowledged) = held.load.fails();
        assert_eq!(why, "ESHUTDOWN");
        drop(held.server);
        let mut last = 0;
        for name in ["@after-osds", "@after-monitor", "@after-slowness", "@after-the-watch", ""] {
            let seen = stage.content(Party::Ceph, &format!("{}{name}", stage.disk()));
            let moment =
                LANE.moment(&seen, &stage.before).unwrap_or_else(|how| panic!("{name}: {how}"));
            assert!(moment > last, "{name} is of {moment}, before {last}");
            last = moment;
        }
        assert!((acknowledged..=acknowledged + 1).contains(&last), "{last}, not {acknowledged}");
        let (folder, later) = (stage.commands.folder(), Lane { generation: 2, ..LANE });
        let next = Held::start(Kind::Marcot, &ceph.conf(), &stage.disk(), folder, later);
        assert_eq!(next.load.stop().0, Ended::Asked);
        drop(next.server);
        stage.clean(Party::Ceph, "{d}");
    }
}
