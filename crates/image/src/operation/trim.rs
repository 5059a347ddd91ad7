//! Removing data objects beyond a size, and cutting the one on the edge.

use std::ops::Range;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use marcot_format::object_map::{ObjectMap as States, ObjectState};
use marcot_store::{Errno, WriteOp, WriteStep};

use crate::class_call::CallError;
use crate::header::Header;
use crate::operation::claim::Claim;
use crate::progress::Progress;
use crate::striping::Striping;

/// What to do to the data objects of an image that shrinks.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trim {
    remove: Range<u64>,
    /// (object, its new size in bytes)
    cut: Vec<(u64, u64)>,
}

fn plan(striping: &Striping, from: u64, to: u64) -> Trim {
    let kept = striping.object_count(to);
    let remove = kept..striping.object_count(from).max(kept);
    let set_size = striping.object_size().saturating_mul(striping.stripe_count());
    let first = if striping.is_plain() {
        to / striping.object_size()
    } else {
        (to / set_size).saturating_mul(striping.stripe_count())
    };
    let cut = (first..kept)
        .map(|object| (object, striping.object_bytes_below(object, to)))
        .filter(|(object, size)| *size < striping.object_bytes_below(*object, from))
        .collect();
    Trim { remove, cut }
}

/// Removes what lies beyond `to` bytes. With an object map, only objects that may exist are
/// touched; they are `Pending` meanwhile, so that a crash leaves nothing that looks gone and is not.
pub(crate) async fn trim(
    claim: &Claim<'_>,
    to: u64,
    progress: &dyn Progress,
) -> Result<(), CallError> {
    let header = claim.header();
    let trim = plan(&header.striping, header.size, to);
    let map = claim.object_map();
    let states = map.filter(|map| !map.is_given_up()).map(|map| map.snapshot_states());
    let there = |number: &u64| states.as_ref().is_none_or(|states| may_exist(states, *number));
    let doomed: Vec<u64> = trim.remove.clone().filter(there).collect();
    if let (Some(map), false) = (map, doomed.is_empty()) {
        let current = Some(ObjectState::Exists);
        map.update_range(trim.remove.clone(), ObjectState::Pending, current).await?;
    }
    remove_objects(claim, &header, &doomed, progress).await?;
    if let (Some(map), false) = (map, doomed.is_empty()) {
        let current = Some(ObjectState::Pending);
        map.update_range(trim.remove.clone(), ObjectState::Nonexistent, current).await?;
    }
    for (number, size) in trim.cut.into_iter().filter(|(number, _)| there(number)) {
        let op = WriteOp::new(vec![WriteStep::Truncate { size }]);
        let op = op.ordered().with_snap_context(header.snap_context.clone());
        claim.image().store().write(&header.data_object(number), op).await?;
    }
    Ok(())
}

fn may_exist(states: &States, number: u64) -> bool {
    states.get(number) != Some(ObjectState::Nonexistent)
}

async fn remove_objects(
    claim: &Claim<'_>,
    header: &Header,
    doomed: &[u64],
    progress: &dyn Progress,
) -> Result<(), CallError> {
    let store = claim.image().store();
    let at_once = claim.image().client().config.concurrent_management_ops.max(1);
    let removals = stream::iter(doomed.iter().map(|number| {
        let object = header.data_object(*number);
        let op = WriteOp::new(vec![WriteStep::Remove]).ordered();
        let op = op.with_snap_context(header.snap_context.clone());
        async move {
            match store.write(&object, op).await {
                Err(error) if error.errno != Errno::NOENT => Err(CallError::from(error)),
                _ => Ok(()),
            }
        }
    }));
    let mut removals = removals.buffer_unordered(at_once);
    let mut done = 0;
    while removals.try_next().await?.is_some() {
        done += 1;
        progress.update(done, doomed.len() as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_image_cuts_one_object() {
        let striping = Striping::plain(12).unwrap();
        let trim = plan(&striping, 10 * 4096, 4096 * 2 + 100);
        assert_eq!(trim, Trim { remove: 3..10, cut: vec![(2, 100)] });
        let trim = plan(&striping, 10 * 4096, 4096 * 2);
        assert_eq!(trim, Trim { remove: 2..10, cut: vec![] });
        assert_eq!(plan(&striping, 4096, 4096), Trim { remove: 1..1, cut: vec![] });
    }

    proptest! {
        #[test]
        fn what_is_left_is_what_lies_below(
            fewer in 0u32..=3,
            count in 1u64..=4,
            from in 0u64..200_000,
            to in 0u64..200_000,
        ) {
            let striping = Striping::new(12, 4096 >> fewer, count).unwrap();
            let to = to.min(from);
            let trim = plan(&striping, from, to);
            for object in 0..striping.object_count(from) {
                let cut = trim.cut.iter().find(|(number, _)| *number == object);
                let left = match cut {
                    _ if trim.remove.contains(&object) => 0,
                    Some((_, size)) => *size,
                    None => striping.object_bytes_below(object, from),
                };
                prop_assert_eq!(left, striping.object_bytes_below(object, to));
            }
        }
    }
}
