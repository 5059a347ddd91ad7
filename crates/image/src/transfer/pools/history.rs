//! An object's versions in the order in which they are written again. Pure.

use marcot_store::{SnapContext, SnapId, SnapSet};

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) content: Content,
    /// What the operation preserves of the version before.
    pub(super) context: SnapContext,
}

/// What the object is afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// As it is at that snapshot, or now.
    At(SnapId),
    /// It is gone, its clones stay.
    Absent,
    /// As before; only the newest snapshot that it has seen is another.
    Same,
}

/// What makes an object with these clones, from nothing.
pub(super) fn steps(set: &SnapSet) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut context = SnapContext::default();
    for clone in &set.clones {
        let Some(newest) = clone.snaps.last() else { continue };
        steps.push(Step { content: Content::At(*newest), context: context.clone() });
        let mut snaps: Vec<SnapId> = clone.snaps.iter().rev().copied().collect();
        snaps.extend_from_slice(&context.snaps);
        context = SnapContext { seq: clone.id, snaps: snaps.into() };
    }
    let seen = SnapContext { seq: set.seq.max(context.seq), snaps: context.snaps.clone() };
    match set.head_size {
        None if steps.is_empty() => {}
        None => steps.push(Step { content: Content::Absent, context }),
        Some(_) if steps.is_empty() => {
            steps.push(Step { content: Content::At(SnapId::HEAD), context: seen });
        }
        Some(_) => {
            let later = seen.seq > context.seq;
            steps.push(Step { content: Content::At(SnapId::HEAD), context });
            // Now, and not with the head: the clone's id is the context's.
            if later {
                steps.push(Step { content: Content::Same, context: seen });
            }
        }
    }
    steps
}

/// How many of the source's steps made what is there; `None` if no number of them does.
pub(super) fn taken(source: &SnapSet, there: &SnapSet) -> Option<usize> {
    let steps = steps(source);
    (0..=steps.len()).rev().find(|taken| {
        let made = after(source, *taken);
        made.seq == there.seq
            && made.head_size == there.head_size
            && made.clones.len() == there.clones.len()
            && made.clones.iter().zip(&there.clones).all(|(made, there)| {
                (made.id, &made.snaps, made.size) == (there.id, &there.snaps, there.size)
            })
    })
}

/// What the first steps make; overlaps are left out.
fn after(source: &SnapSet, taken: usize) -> SnapSet {
    let clones: Vec<_> =
        source.clones.iter().filter(|clone| !clone.snaps.is_empty()).cloned().collect();
    let steps = steps(source);
    let done = &steps[..taken];
    let Some(last) = done.last() else {
        return SnapSet { seq: SnapId(0), clones: Vec::new(), head_size: None };
    };
    let made = (taken - 1).min(clones.len());
    let head_size = match last.content {
        Content::At(SnapId::HEAD) | Content::Same => source.head_size,
        Content::At(_) => Some(clones[taken - 1].size),
        Content::Absent => None,
    };
    SnapSet { seq: last.context.seq, clones: clones[..made].to_vec(), head_size }
}

#[cfg(test)]
mod tests {
    use marcot_store::snapset::{commit_write, plan_clone};
    use marcot_store::{CloneInfo, ranges::RangeSet};
    use proptest::prelude::*;

    use super::*;

    /// What an engine makes of steps.
    fn replayed(source: &SnapSet, taken: usize) -> SnapSet {
        let mut set = SnapSet { seq: SnapId(0), clones: Vec::new(), head_size: None };
        for step in &steps(source)[..taken] {
            let plan = plan_clone(&set, &step.context, |_| false);
            let size = match step.content {
                Content::At(SnapId::HEAD) => source.head_size,
                Content::At(snap) => {
                    let clone = source.clones.iter().find(|clone| clone.snaps.contains(&snap));
                    clone.map(|clone| clone.size)
                }
                Content::Absent => None,
                Content::Same => set.head_size,
            };
            commit_write(&mut set, plan, &RangeSet::new(), size);
        }
        set
    }

    /// The set without what depends on how much is written again.
    fn shape(set: &SnapSet) -> SnapSet {
        let mut shape = set.clone();
        shape.clones.iter_mut().for_each(|clone| clone.overlap.clear());
        shape
    }

    /// Sets as objects have them: (gap before, snapshots, gap behind, size) for each clone.
    fn sets() -> impl Strategy<Value = SnapSet> {
        let clone = (0u64..3, proptest::collection::vec(1u64..4, 1..4), 0u64..3, 0u64..9);
        let clones = proptest::collection::vec(clone, 0..4);
        (clones, 0u64..3, proptest::option::of(0u64..9)).prop_map(|(clones, later, head_size)| {
            let mut at = 0;
            let mut made = Vec::new();
            for (before, gaps, behind, size) in clones {
                at += before;
                let snaps = gaps.iter().map(|gap| {
                    at += gap;
                    SnapId(at)
                });
                let snaps = snaps.collect();
                at += behind;
                made.push(CloneInfo { id: SnapId(at), snaps, size, overlap: Vec::new() });
            }
            SnapSet { seq: SnapId(at + later), clones: made, head_size }
        })
    }

    proptest! {
        #[test]
        fn an_engine_makes_the_same_object_of_the_steps(set in sets()) {
            let all = steps(&set).len();
            let made = replayed(&set, all);
            // What is only a grave has seen what its clones have.
            let seen = if set.head_size.is_some() { set.seq } else { made.seq };
            prop_assert_eq!(shape(&made), shape(&SnapSet { seq: seen, ..set }));
        }

        #[test]
        fn a_copy_that_ended_early_is_recognised(set in sets(), at: prop::sample::Index) {
            let count = at.index(steps(&set).len() + 1);
            prop_assert_eq!(taken(&set, &replayed(&set, count)), Some(count));
        }
    }

    #[test]
    fn something_else_is_not_taken_for_ours() {
        let clone = |id: u64, size| CloneInfo {
            id: SnapId(id),
            snaps: vec![SnapId(id)],
            size,
            overlap: Vec::new(),
        };
        let source =
            SnapSet { seq: SnapId(6), clones: vec![clone(4, 1), clone(6, 2)], head_size: Some(3) };
        let other = SnapSet { clones: vec![clone(4, 9)], seq: SnapId(4), head_size: Some(2) };
        assert_eq!(taken(&source, &other), None);
        assert_eq!(taken(&source, &source), Some(3));
    }
}
