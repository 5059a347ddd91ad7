use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const BLOCKS: u64 = 8;

/// What an object may go through. Numbers are reduced to what is valid at that moment.
#[derive(Clone, Debug)]
enum Step {
    Snap,
    /// Fills blocks `at..at + length` with a new value, under the newest context or an old one.
    Write {
        at: u64,
        length: u64,
        lag: usize,
    },
    Remove,
    Rollback(usize),
    RemoveSnap(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => Just(Step::Snap),
        4 => (0..BLOCKS, 1u64..4, prop_oneof![3 => Just(0usize), 1 => 0usize..3])
            .prop_map(|(at, length, lag)| Step::Write { at, length, lag }),
        1 => Just(Step::Remove),
        1 => any::<usize>().prop_map(Step::Rollback),
        2 => any::<usize>().prop_map(Step::RemoveSnap),
    ];
    proptest::collection::vec(step, 0..40)
}

type Content = Option<Vec<u64>>;

/// An object kept twice: by the decisions under test, and as plain copies per snapshot.
#[derive(Default)]
struct Twice {
    set: SnapSet,
    head: Content,
    clones: Vec<(SnapId, Vec<u64>)>,
    live: Vec<SnapId>,
    removed: BTreeSet<SnapId>,
    expected: Vec<(SnapId, Content)>,
    next: u64,
}

impl Twice {
    fn context(&self, lag: usize) -> SnapContext {
        let known = self.live.len().saturating_sub(lag);
        let snaps: Vec<SnapId> = self.live[..known].iter().rev().copied().collect();
        let newest = snaps.first().copied().unwrap_or_default();
        let seq = if lag == 0 { SnapId(self.next) } else { newest };
        SnapContext { seq: seq.max(newest), snaps: snaps.into() }
    }

    fn change(&mut self, lag: usize, head: Content, modified: &RangeSet) {
        let plan = plan_clone(&self.set, &self.context(lag), |s| self.removed.contains(&s));
        if let (Some(clone), Some(old)) = (&plan.clone, &self.head) {
            self.clones.push((clone.id, old.clone()));
        }
        let size = head.as_ref().map(|blocks| blocks.len() as u64);
        commit_write(&mut self.set, plan, modified, size);
        self.head = head;
    }

    fn read(&self, snap: SnapId) -> Content {
        match resolve(&self.set, snap)? {
            Source::Head => self.head.clone(),
            Source::Clone(id) => {
                self.clones.iter().find(|(clone, _)| *clone == id).map(|(_, blocks)| blocks.clone())
            }
        }
    }

    fn rollback(&mut self, snap: SnapId) {
        let plan = plan_clone(&self.set, &self.context(0), |s| self.removed.contains(&s));
        let mut after = self.set.clone();
        commit_write(&mut after, plan, &RangeSet::new(), self.set.head_size);
        match resolve(&self.set, snap) {
            Some(Source::Head) => {}
            Some(Source::Clone(id)) => {
                let content = self.read(snap);
                self.change(0, content, &rollback_ranges(&after, id));
            }
            None => self.remove(),
        }
    }

    fn remove(&mut self) {
        if let Some(blocks) = &self.head {
            let all = RangeSet::from_range(0, blocks.len() as u64);
            self.change(0, None, &all);
        }
    }

    fn step(&mut self, step: Step) {
        self.next += 1;
        match step {
            Step::Snap => {
                self.live.push(SnapId(self.next));
                self.expected.push((SnapId(self.next), self.head.clone()));
            }
            Step::Write { at, length, lag } => {
                let mut blocks = self.head.clone().unwrap_or_default();
                blocks.resize(blocks.len().max((at + length) as usize), 0);
                blocks[at as usize..(at + length) as usize].fill(self.next);
                let lag = if self.lag_is_harmless(lag) { lag } else { 0 };
                self.change(lag, Some(blocks), &RangeSet::from_range(at, length));
            }
            Step::Remove => self.remove(),
            Step::Rollback(pick) if !self.live.is_empty() => {
                self.rollback(self.live[pick % self.live.len()]);
            }
            Step::RemoveSnap(pick) if !self.live.is_empty() => {
                let snap = self.live.remove(pick % self.live.len());
                self.removed.insert(snap);
                self.expected.retain(|(s, _)| *s != snap);
                let trimmed = trim(&mut self.set, |s| self.removed.contains(&s));
                self.clones.retain(|(id, _)| !trimmed.dropped.contains(id));
            }
            Step::Rollback(_) | Step::RemoveSnap(_) => {}
        }
    }

    /// A writer that does not know a snapshot yet is right only if the object does.
    fn lag_is_harmless(&self, lag: usize) -> bool {
        let unknown = &self.live[self.live.len().saturating_sub(lag)..];
        unknown.iter().all(|snap| *snap <= self.set.seq)
    }
}

proptest! {
    #[test]
    fn every_snapshot_keeps_what_it_saw(steps in steps()) {
        let mut object = Twice::default();
        for step in steps {
            object.step(step);
            for (snap, content) in &object.expected {
                prop_assert_eq!(&object.read(*snap), content, "at {:?} of {:?}", snap, object.set);
            }
        }
    }

    #[test]
    fn an_overlap_never_claims_bytes_that_differ(steps in steps()) {
        let mut object = Twice::default();
        for step in steps {
            object.step(step);
            let clones = object.set.clones.iter().map(|clone| clone.id);
            let mut layers: Vec<Vec<u64>> =
                clones.map(|id| object.clones.iter().find(|c| c.0 == id).unwrap().1.clone()).collect();
            layers.push(object.head.clone().unwrap_or_default());
            for (index, clone) in object.set.clones.iter().enumerate() {
                for (offset, length) in &clone.overlap {
                    let range = *offset as usize..(offset + length) as usize;
                    prop_assert_eq!(layers[index].get(range.clone()), layers[index + 1].get(range));
                }
            }
        }
    }
}

fn context(seq: u64, snaps: &[u64]) -> SnapContext {
    SnapContext { seq: SnapId(seq), snaps: snaps.iter().map(|s| SnapId(*s)).collect() }
}

#[test]
fn a_clone_is_named_after_the_context_not_after_its_newest_snapshot() {
    let mut set = SnapSet { head_size: Some(10), ..SnapSet::default() };
    let plan = plan_clone(&set, &context(21, &[20, 19]), |_| false);
    commit_write(&mut set, plan, &RangeSet::from_range(2, 1), Some(10));
    let clone = &set.clones[0];
    assert_eq!((clone.id, &clone.snaps[..]), (SnapId(21), &[SnapId(19), SnapId(20)][..]));
    assert_eq!(clone.overlap, [(0, 2), (3, 7)]);
    assert_eq!(resolve(&set, SnapId(21)), None, "snapshot 21 was never in the context");
}

#[test]
fn removed_snapshots_in_a_context_make_no_clone() {
    let set = SnapSet { head_size: Some(10), ..SnapSet::default() };
    let plan = plan_clone(&set, &context(21, &[20, 19]), |s| s >= SnapId(19));
    assert_eq!(plan, ClonePlan { clone: None, seq: SnapId(21) });
}

#[test]
fn dropping_a_clone_narrows_the_overlap_of_the_one_before() {
    let clone =
        |id, overlap| CloneInfo { id: SnapId(id), snaps: vec![SnapId(id)], size: 8, overlap };
    let clones = vec![clone(1, vec![(0, 6)]), clone(2, vec![(4, 4)])];
    let mut set = SnapSet { seq: SnapId(2), clones, head_size: Some(8) };
    let trimmed = trim(&mut set, |s| s == SnapId(2));
    assert_eq!(trimmed.dropped, [SnapId(2)]);
    assert_eq!(set.clones, [clone(1, vec![(4, 2)])]);
}

#[test]
fn the_last_clone_of_a_removed_object_takes_it_along() {
    let clone = CloneInfo { id: SnapId(1), snaps: vec![SnapId(1)], size: 8, overlap: vec![] };
    let mut set = SnapSet { seq: SnapId(1), clones: vec![clone], head_size: None };
    assert!(trim(&mut set, |s| s == SnapId(1)).vanished);
}
