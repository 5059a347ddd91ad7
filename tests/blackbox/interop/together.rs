//! One image, two clients at once, of different make: one holds it under load, the other takes
//! snapshots, resizes, flattens, writes. Nothing acknowledged is lost, no snapshot is torn, and
//! both go on.

use std::collections::BTreeMap;
use std::thread;

use super::holder::{Held, Kind};
use super::load::{Ended, Lane, Load};
use super::party::Party;
use super::stage::Stage;
use crate::differential::cluster;

/// What the other side does while the image is held under load, one after the other.
const VISITS: &[&str] = &[
    "snap create --no-progress {d}@early",
    "snap create --no-progress {d}@second",
    "snap rename {d}@second {d}@renamed",
    "snap protect {d}@renamed",
    "resize --no-progress --size 20M {d}",
    "image-meta set {d} visited yes",
    "flatten --no-progress {d}",
    // Writing asks for the lock; the load, which leaves these bytes alone, takes it back.
    "bench --io-type write --io-size 4096 --io-total 16384 --io-threads 1 {d}",
    "snap create --no-progress {d}@late",
    "object-map rebuild --no-progress {d}",
    "snap unprotect {d}@renamed",
    "snap rm --no-progress {d}@early",
    "resize --no-progress --allow-shrink --size 15M {d}",
    "feature disable {d} deep-flatten",
];

const LANE: Lane = Lane { blocks: 3..100, generation: 1 };
const OTHER: Lane = Lane { blocks: 120..221, generation: 2 };

fn visited(kind: Kind, visitor: Party, pool: &str) {
    let Some(conf) = cluster() else { return };
    let stage = Stage::new(&conf, pool);
    let held = Held::start(kind, &conf, &stage.disk(), stage.commands.folder(), LANE);
    let mut taken = BTreeMap::new();
    // librbd's own, under a load, can call an object clean that is just being written.
    let rebuilds = kind == Kind::Marcot;
    for line in VISITS.iter().filter(|line| rebuilds || !line.contains("rebuild")) {
        let before = held.load.acknowledged();
        stage.must(visitor, line);
        held.load.comes_on();
        if line.starts_with("bench") {
            assert_eq!(
                stage.must(visitor, "status {d}"),
                stage.must(visitor.other(), "status {d}")
            );
        }
        taken.insert(*line, before..=held.load.acknowledged() + 1);
    }
    let (ended, acknowledged) = held.load.stop();
    assert_eq!(ended, Ended::Asked, "at stamp {acknowledged}");
    drop(held.server);

    let when = |create: &str| taken[create].clone();
    for (name, when) in [
        ("@renamed", when("snap create --no-progress {d}@second")),
        ("@late", when("snap create --no-progress {d}@late")),
        ("", acknowledged..=acknowledged),
    ] {
        let name = format!("{}{name}", stage.disk());
        let seen = stage.content(visitor, &name);
        assert!(seen == stage.content(visitor.other(), &name), "{name} differs");
        let moment =
            LANE.moment(&seen, &stage.before).unwrap_or_else(|how| panic!("{name}: {how}"));
        assert!(when.contains(&moment), "{name} is of {moment}, not of {when:?}");
        for side in [Party::Ceph, Party::Marcot] {
            stage.clean(side, &name);
        }
    }
    let info = stage.must(visitor, "info {d}");
    assert!(info.contains("size 15 MiB") && !info.contains("parent:"), "{info}");
    assert_eq!(info, stage.must(visitor.other(), "info {d}"));
}

#[test]
fn rbd_works_on_what_our_server_holds() {
    visited(Kind::Marcot, Party::Ceph, "together_marcot");
}

#[test]
fn we_work_on_what_qemu_holds() {
    visited(Kind::Qemu, Party::Marcot, "together_qemu");
}

#[test]
fn we_work_on_what_librbd_holds() {
    visited(Kind::Librbd, Party::Marcot, "together_librbd");
}

/// Two writers of one image, who take the lock from each other again and again.
#[test]
fn the_lock_goes_to_and_fro_between_two_writers() {
    let Some(conf) = cluster() else { return };
    let stage = Stage::new(&conf, "together_both");
    let ours = Held::start(Kind::Marcot, &conf, &stage.disk(), stage.commands.folder(), LANE);
    let theirs = Load::through_librbd(&conf, &stage.disk(), OTHER);
    for round in 0..3 {
        ours.load.comes_on();
        theirs.comes_on();
        let taker = if round % 2 == 0 { Party::Marcot } else { Party::Ceph };
        stage.must(taker, &format!("snap create --no-progress {{d}}@round{round}"));
    }
    let (mine, yours) = (ours.load.stop(), theirs.stop());
    assert_eq!((&mine.0, &yours.0), (&Ended::Asked, &Ended::Asked));
    drop(ours.server);
    let names = (0..3).map(|round| format!("{}@round{round}", stage.disk())).chain([stage.disk()]);
    let mut last = (0, 0);
    for name in names {
        let seen = stage.content(Party::Ceph, &name);
        assert!(seen == stage.content(Party::Marcot, &name), "{name} differs");
        let moment = |lane: &Lane| lane.moment(&seen, &stage.before);
        let both = (moment(&LANE).expect(&name), moment(&OTHER).expect(&name));
        assert!(both.0 >= last.0 && both.1 >= last.1, "{name}: {both:?} before {last:?}");
        last = both;
        stage.clean(Party::Ceph, &name);
    }
    assert_eq!(last, (mine.1, yours.1));
}

/// Whoever does not answer any more loses the lock, and with it the right to write: what it still
/// had on its way does not land on what the next one wrote.
fn frozen(kind: Kind, taker: Party, pool: &str) {
    use rustix::process::Signal;

    let Some(conf) = cluster() else { return };
    let stage = Stage::new(&conf, pool);
    let held = Held::start(kind, &conf, &stage.disk(), stage.commands.folder(), LANE);
    held.load.comes_on();
    let server = held.server.as_ref().expect("a process to freeze");
    server.signal(Signal::STOP);
    // The stamps of the frozen one, whole, under those of the next.
    stage.must(taker, "snap create --no-progress {d}@frozen");
    let folder = stage.commands.folder();
    let next = match taker {
        Party::Marcot => Kind::Marcot,
        Party::Ceph => Kind::Librbd,
    };
    let later = Lane { generation: 2, ..LANE };
    let next = Held::start(next, &conf, &stage.disk(), folder, later.clone());
    let all = later.blocks.end - later.blocks.start;
    while next.load.acknowledged() <= all {
        thread::sleep(std::time::Duration::from_millis(10));
    }
    server.signal(Signal::CONT);
    let (why, acknowledged) = held.load.fails();
    assert!(why.contains("ESHUTDOWN") || why.contains("EIO"), "{why}");
    next.load.comes_on();
    let (ended, written) = next.load.stop();
    assert_eq!(ended, Ended::Asked);
    drop((held.server, next.server));

    let seen = stage.content(taker, &format!("{}@frozen", stage.disk()));
    let moment = LANE.moment(&seen, &stage.before).expect("the moment of the freeze");
    assert!((acknowledged..=acknowledged + 1).contains(&moment), "{moment}, not {acknowledged}");
    for side in [Party::Marcot, Party::Ceph] {
        let seen = stage.content(side, &stage.disk());
        assert_eq!(later.moment(&seen, &stage.before), Ok(written), "{side}");
        stage.clean(side, "{d}");
    }
}

#[test]
fn our_frozen_server_is_shut_out() {
    frozen(Kind::Marcot, Party::Ceph, "frozen_marcot");
}

#[test]
fn a_frozen_qemu_is_shut_out() {
    frozen(Kind::Qemu, Party::Marcot, "frozen_qemu");
}
