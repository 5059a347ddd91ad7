//! Removing all data objects of an image that is about to go.

use marcot_format::object_map::ObjectState;
use marcot_store::{Errno, WriteOp, WriteStep};

use crate::class_call::CallError;
use crate::header::Header;
use crate::operation::claim::Claim;
use crate::progress::Progress;
use crate::visit::Visit;

/// Removes every data object; the image has no snapshots. With an object map only objects that
/// may exist are touched; all are `Pending` meanwhile, so that what a crash leaves is found again.
pub(crate) async fn erase(claim: &Claim<'_>, progress: &dyn Progress) -> Result<(), CallError> {
    let header = claim.header();
    let count = header.object_count(header.size);
    let map = claim.trusted_object_map();
    let states = map.as_ref().map(|map| map.snapshot_states());
    let gone = |number| {
        let state = states.as_ref().and_then(|states| states.get(number));
        state == Some(ObjectState::Nonexistent)
    };
    let doomed: Vec<u64> = (0..count).filter(|number| !gone(*number)).collect();
    let touched = match (doomed.first(), doomed.last()) {
        (Some(first), Some(last)) => *first..last + 1,
        _ => return Ok(()),
    };
    if let Some(map) = &map {
        let current = Some(ObjectState::Exists);
        map.update_range(touched.clone(), ObjectState::Pending, current).await?;
    }
    remove_objects(claim, &header, &doomed, progress).await?;
    if let Some(map) = &map {
        let current = Some(ObjectState::Pending);
        map.update_range(touched, ObjectState::Nonexistent, current).await?;
    }
    Ok(())
}

async fn remove_objects(
    claim: &Claim<'_>,
    header: &Header,
    doomed: &[u64],
    progress: &dyn Progress,
) -> Result<(), CallError> {
    let store = claim.image().store();
    let at_once = claim.image().config().concurrent_management_ops.max(1);
    let work = |number: &u64| {
        let object = header.data_object(*number);
        let op = WriteOp::new(vec![WriteStep::Remove]).ordered();
        let op = op.with_snap_context(header.snap_context.clone());
        async move {
            match store.write(&object, op).await {
                Err(error) if error.errno != Errno::NOENT => Err(CallError::from(error)),
                _ => Ok(()),
            }
        }
    };
    let count = doomed.len() as u64;
    Visit { at_once, count, progress }.each(doomed.iter(), work).await
}
