//! Copying everything that shows of the parent into the image's own objects.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{join, try_join_all};
use marcot_format::object_map::ObjectState;
use marcot_store::{Copyups, WriteStep};

use super::IoError;
use super::copyup::{Depth, Purpose, Sources};
use super::parent::{CHAIN_ATTEMPTS, ParentError};
use super::plan::Existence;
use crate::image::{Current, Image};
use crate::object_map::ObjectMap;
use crate::progress::Progress;
use crate::visit::Visit;

/// A change of nothing, before which the object is kept for its snapshots.
const TOUCH: WriteStep = WriteStep::Append { data: Bytes::new() };

/// How many bytes of objects may be on their way at once: librados lets a client's reads and writes
/// have 100 MiB in all, and makes whoever wants more wait, a guest's requests too.
const IN_FLIGHT: u64 = 64 << 20;

/// The same where nobody else waits, and the store moves the bytes: it counts whole objects, and
/// most of them hold less.
const IN_FLIGHT_ALONE: u64 = 192 << 20;

/// How many copyups then count as one operation of a verb: most wait, for one OSD and then for
/// another.
const COPYUPS: usize = 5;

/// Who wants something of this client while it flattens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Nobody: it is what the client is there for.
    Alone,
    /// Perhaps a guest, whose requests must find room.
    BesideRequests,
}

/// How many changes of the object map are sent before the first is acknowledged.
const NOTES_AT_ONCE: usize = 32;

/// An object and what is known of it before it is looked at.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    number: u64,
    existence: Existence,
}

impl Image {
    /// Brings the parent's bytes into every object that shows them, under all snapshots too, so
    /// that the link to the parent can be cut. Writes go on meanwhile. May be stopped and begun
    /// again: what is there is left alone.
    pub(crate) async fn copyup_all(
        &self,
        pace: Pace,
        progress: &dyn Progress,
    ) -> Result<(), IoError> {
        let current = self.fresh().await?;
        let count = Depth::objects(&current.header);
        let noted = self.note_ahead(&current, count).await?;
        let copyup = self.client().store.capabilities().copyup;
        let operations = self.config().concurrent_management_ops;
        let object_size = current.header.striping.object_size();
        let at_once = copyups_at_once(pace, copyup, operations, object_size);
        let mut absent = noted.into_iter().flatten().peekable();
        let candidates = (0..count).map(move |number| match absent.next_if_eq(&number) {
            Some(_) => Candidate { number, existence: Existence::Absent },
            None => Candidate { number, existence: Existence::Unknown },
        });
        let work = |candidate| self.flatten_object(Arc::clone(&current), candidate);
        Visit { at_once, count, progress }.each(candidates, work).await
    }

    /// Says in the object map, a run at a time, that what is about to be copied up exists: one
    /// change for thousands of objects. Yields the runs, whose objects were not there before.
    async fn note_ahead(&self, current: &Current, count: u64) -> Result<Vec<Range<u64>>, IoError> {
        let Some(map) = &current.object_map else { return Ok(Vec::new()) };
        let mut runs: Vec<Range<u64>> = Vec::new();
        let mut deepest: Option<Sources> = None;
        for number in 0..count {
            if map.state(number) != Some(ObjectState::Nonexistent) {
                continue;
            }
            let Some(sources) = self.shown_of_parent(current, number).await? else { continue };
            if deepest.as_ref().is_none_or(|before| before.depth() < sources.depth()) {
                deepest = Some(sources);
            }
            match runs.last_mut() {
                Some(run) if run.end == number => run.end += 1,
                _ => runs.push(number..number + 1),
            }
        }
        let noting = async {
            // Changes of different objects commute, so none waits for another.
            for some in runs.chunks(NOTES_AT_ONCE) {
                try_join_all(some.iter().map(|run| note_run(map, run.clone()))).await?;
            }
            Ok::<_, IoError>(())
        };
        // Else the first copyup would have to wait for it.
        let noting_access = async {
            if let Some(sources) = &deepest {
                sources.note_access(self.client()).await;
            }
        };
        join(noting, noting_access).await.0?;
        // A map that was not believed says nothing of what exists.
        Ok(if current.object_map_trusted() && !map.is_given_up() { runs } else { Vec::new() })
    }

    /// Where an ancestor may have bytes for an object; `None` when none has.
    async fn shown_of_parent(
        &self,
        current: &Current,
        number: u64,
    ) -> Result<Option<Sources>, IoError> {
        let depth = Depth::deep(&current.header, number);
        if depth.overlap == 0 {
            return Ok(None);
        }
        match self.sources(current, number, &depth).await {
            Ok(sources) => Ok(sources),
            // Who copies it up will find out what became of the chain.
            Err(ParentError::ChainChanged) => Ok(None),
            Err(ParentError::Io(error)) => Err(error),
        }
    }

    async fn flatten_object(
        &self,
        mut current: Arc<Current>,
        candidate: Candidate,
    ) -> Result<(), IoError> {
        for _ in 0..CHAIN_ATTEMPTS {
            match self.try_flatten_object(&current, candidate).await {
                Ok(()) => return Ok(()),
                Err(ParentError::ChainChanged) => {
                    self.refresh().await?;
                    current = self.fresh().await?;
                }
                Err(ParentError::Io(error)) => return Err(error),
            }
        }
        Err(self.chain_unsteady())
    }

    async fn try_flatten_object(
        &self,
        current: &Current,
        Candidate { number, existence }: Candidate,
    ) -> Result<(), ParentError> {
        let depth = Depth::deep(&current.header, number);
        if depth.overlap == 0 {
            return Ok(());
        }
        let Some(sources) = self.sources(current, number, &depth).await? else {
            return Ok(self.note_left_out(current, number).await?);
        };
        let gate = self.object_gates().of(number);
        let copyup = self.client().store.capabilities().copyup;
        let shared = copyup == Copyups::ByReference;
        let (_inside, _closed) = match shared && depth.cuts.is_empty() {
            true => (Some(gate.enter().await), None),
            false => (None, Some(gate.close().await)),
        };
        // Clean: kept for a snapshot as it is, and not to be touched. The map alone is no proof, since
        // a crash can leave it saying too much.
        let clean = current.mapped_state(number) == Some(ObjectState::ExistsClean);
        // Without snapshots a copyup is one operation, and finds out whether somebody was faster.
        let tells = copyup == Copyups::Alone && current.header.snap_context.snaps.is_empty();
        let sure = existence == Existence::Absent && tells;
        if ((_closed.is_some() && !sure) || clean) && self.object_exists(current, number).await? {
            return Ok(());
        }
        match clean {
            true => current.note_exists(number).await?,
            false => current.note_flattened(number).await?,
        }
        let whole = (&depth, Purpose::Flatten);
        if !self.copyup_under_snapshots(current, number, whole, sources).await? {
            drop((_inside, _closed));
            return Ok(self.note_left_out(current, number).await?);
        }
        if !current.header.snap_context.snaps.is_empty() {
            // As in Ceph the head's object becomes one of its own. The object map has called it
            // changed since the last snapshot: without this a check would find that wrong.
            self.send(current, number, vec![TOUCH]).await?;
        }
        Ok(())
    }

    /// Takes back that an object exists for which the parent had nothing after all, or only zeros.
    async fn note_left_out(&self, current: &Current, number: u64) -> Result<(), IoError> {
        let Some(map) = &current.object_map else { return Ok(()) };
        if map.state(number) != Some(ObjectState::Exists) {
            return Ok(());
        }
        // Whoever creates it says so first, inside the gate.
        let _closed = self.object_gates().of(number).close().await;
        if self.object_exists(current, number).await? {
            return Ok(());
        }
        Ok(map.replace(number, ObjectState::Exists, ObjectState::Nonexistent).await?)
    }
}

async fn note_run(map: &ObjectMap, run: Range<u64>) -> Result<(), IoError> {
    let (new, current) = (ObjectState::Exists, Some(ObjectState::Nonexistent));
    Ok(map.update_range(run, new, current).await?)
}

/// How many objects of so many bytes are copied up at once, where verbs may have so many `operations`
/// on their way.
fn copyups_at_once(pace: Pace, copyup: Copyups, operations: usize, object_size: u64) -> usize {
    let (copyups, bytes) = match (pace, copyup) {
        (Pace::Alone, Copyups::Alone | Copyups::ByReference) => {
            (operations.saturating_mul(COPYUPS), IN_FLIGHT_ALONE)
        }
        // Each has a buffer of ours, as large as the object.
        (Pace::Alone, Copyups::Refused) | (Pace::BesideRequests, _) => (operations, IN_FLIGHT),
    };
    copyups.min((bytes / object_size) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_guest_finds_room_beside_a_flatten() {
        let at_once = |pace, operations, object_size| {
            copyups_at_once(pace, Copyups::Alone, operations, object_size)
        };
        assert_eq!(at_once(Pace::BesideRequests, 10, 4 * MIB), 10);
        assert_eq!(at_once(Pace::BesideRequests, 100, 4 * MIB), 16);
        assert_eq!(at_once(Pace::Alone, 10, 4 * MIB), 48);
        assert_eq!(at_once(Pace::Alone, 10, MIB), 50);
        assert_eq!(at_once(Pace::Alone, 2, 4 * MIB), 10);
    }

    #[test]
    fn what_has_a_buffer_of_ours_is_kept_small() {
        let at_once = |operations, object_size| {
            copyups_at_once(Pace::Alone, Copyups::Refused, operations, object_size)
        };
        assert_eq!(at_once(10, 4 * MIB), 10);
        assert_eq!(at_once(10, 32 * MIB), 2);
        assert_eq!(at_once(10, 128 * MIB), 1);
    }
}
