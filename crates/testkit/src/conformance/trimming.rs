//! Removed snapshots and the clones that only they needed.

use marcot_store::{Errno, SnapContext, SnapId, WriteStep};
use pollster::block_on;

use crate::{Subject, bytes, context, put};

pub fn a_removed_snapshot_is_trimmed_in_the_end(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "old")]);
    let snap = s.snap();
    s.write_under(&id, &context(&[snap]), vec![put(0, "new")]);
    s.remove_snap(snap);
    s.eventually("the clone goes", |s| s.snaps(&id).clones.is_empty());
    assert_eq!(s.data(&id), Some(bytes("new")));
}

pub fn a_removed_snapshot_never_shows_newer_bytes(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "old")]);
    let snap = s.snap();
    s.remove_snap(snap);
    // On Ceph this holds for those who write as RBD does, with a context that has seen the snapshot.
    let seq = if s.is_ceph() { snap } else { SnapId::default() };
    s.write_under(&id, &SnapContext { seq, snaps: [].into() }, vec![put(0, "new")]);
    let at_snap = s.data_at(&id, snap);
    assert!(at_snap.is_none() || at_snap == Some(bytes("old")), "{at_snap:?}");
}

pub fn a_clone_stays_for_the_snapshots_that_remain(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "old")]);
    let (a, b) = (s.snap(), s.snap());
    s.write_under(&id, &context(&[a, b]), vec![put(0, "new")]);
    s.remove_snap(b);
    s.eventually("only the other is served", |s| s.snaps(&id).clones[0].snaps == [a]);
    assert_eq!(s.snaps(&id).clones[0].id, b, "the clone keeps its name");
    assert_eq!(s.data_at(&id, a), Some(bytes("old")));
}

pub fn dropping_a_clone_narrows_the_overlap_before_it(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "0123456789")]);
    let a = s.snap();
    s.write_under(&id, &context(&[a]), vec![put(0, "ab")]);
    let b = s.snap();
    s.write_under(&id, &context(&[a, b]), vec![put(8, "yz")]);
    s.remove_snap(b);
    s.eventually("the clone goes", |s| s.snaps(&id).clones.len() == 1);
    assert_eq!(s.snaps(&id).clones[0].overlap, [(2, 6)]);
    assert_eq!(s.data_at(&id, a), Some(bytes("0123456789")));
}

pub fn a_removed_object_vanishes_with_its_last_clone(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "old")]);
    let snap = s.snap();
    s.write_under(&id, &context(&[snap]), vec![WriteStep::Remove]);
    s.remove_snap(snap);
    s.eventually("nothing is left", |s| {
        block_on(s.store.list_snaps(&id)).is_err_and(|error| error.errno == Errno::NOENT)
    });
    s.eventually("it is not listed", |s| s.names(Some(s.namespace())).is_empty());
}

pub fn a_context_with_removed_snapshots_makes_no_clone_for_them(s: &Subject) {
    let id = s.object("o");
    s.write(&id, vec![put(0, "old")]);
    let (a, b) = (s.snap(), s.snap());
    s.remove_snap(b);
    s.write_under(&id, &context(&[a, b]), vec![put(0, "new")]);
    let set = s.snaps(&id);
    assert_eq!((set.clones.len(), &set.clones[0].snaps[..]), (1, &[a][..]));
    s.remove_snap(a);
    s.write_under(&s.object("p"), &context(&[a, b]), vec![put(0, "x")]);
    s.write_under(&s.object("p"), &context(&[a, b]), vec![put(0, "y")]);
    assert_eq!(s.snaps(&s.object("p")).clones, []);
}

pub fn removing_a_snapshot_twice_is_no_error(s: &Subject) {
    let snap = s.snap();
    s.remove_snap(snap);
    s.remove_snap(snap);
}

pub fn snapshots_removed_in_any_order_leave_the_others_right(s: &Subject) {
    let id = s.object("o");
    let mut snaps = Vec::new();
    for round in 0..6 {
        s.write_under(&id, &context(&snaps), vec![put(0, &format!("round {round}"))]);
        snaps.push(s.snap());
    }
    s.write_under(&id, &context(&snaps), vec![WriteStep::Remove]);
    for gone in [2, 5, 0, 3] {
        s.remove_snap(snaps[gone]);
    }
    let left = |s: &Subject| s.snaps(&id).clones.iter().map(|c| c.id).collect::<Vec<_>>();
    s.eventually("two are left", |s| left(s) == [snaps[1], snaps[4]]);
    assert_eq!(s.data_at(&id, snaps[1]), Some(bytes("round 1")));
    assert_eq!(s.data_at(&id, snaps[4]), Some(bytes("round 4")));
}
