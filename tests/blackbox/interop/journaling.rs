//! An image whose journal has what the image has not: its writer was killed. Until Ceph has replayed
//! the journal nobody is shown the bytes that are there.

use super::load::{Lane, Load};
use super::party::Party;
use super::stage::Stage;
use crate::differential::cluster;

const LANE: Lane = Lane { blocks: 3..100, generation: 1 };

#[test]
fn an_image_is_not_read_before_its_journal_is_replayed() {
    let Some(conf) = cluster() else { return };
    let stage = Stage::new(&conf, "replayed");
    stage.must(Party::Ceph, "feature enable {d} journaling");
    stage.must(Party::Ceph, "snap create --no-progress {d}@before");
    let load = Load::through_librbd(&conf, &stage.disk(), LANE);
    load.comes_on();
    let killed = load.kill();
    stage.shut_out_watchers();

    let refused = |line: &str, code: i32, why: &str| {
        let line = line.replace("{d}", &stage.disk());
        let said = stage.commands.rbd(Party::Marcot, &line.split(' ').collect::<Vec<_>>()).output();
        let said = said.expect("a process");
        let errors = String::from_utf8_lossy(&said.stderr);
        assert_eq!(said.status.code(), Some(code), "{line}: {errors}");
        assert!(errors.contains(why) && said.stdout.is_empty(), "{line}: {errors}");
    };
    let uncommitted = "journal";
    refused("export --no-progress {d} -", 16, uncommitted);
    refused("cp --no-progress {d} {d}-copy", 16, uncommitted);
    refused("feature disable {d} journaling", 16, uncommitted);
    refused("snap create --no-progress {d}@after", 30, "journaling");
    let before = stage.content(Party::Marcot, &format!("{}@before", stage.disk()));
    assert!(before == stage.before, "the snapshot is of no concern to the journal");
    assert_eq!(stage.must(Party::Marcot, "info {d}"), stage.must(Party::Ceph, "info {d}"));

    // Whoever opens it for a change replays it first.
    stage.must(Party::Ceph, "image-meta set {d} replayed yes");
    let seen = stage.content(Party::Marcot, &stage.disk());
    assert!(seen == stage.content(Party::Ceph, &stage.disk()), "the sides differ");
    let moment = LANE.moment(&seen, &stage.before).expect("a moment");
    assert!(moment >= killed, "{moment}, but {killed} was acknowledged");
    stage.must(Party::Marcot, "feature disable {d} journaling");
    stage.clean(Party::Ceph, &stage.disk());
}
