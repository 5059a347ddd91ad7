//! Copying everything that shows of the parent into the image's own objects.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{join, try_join_all};
use marcot_format::object_map::ObjectState;
use marcot_store::op::AllZeros;
use marcot_store::{Copyups, WriteStep};

use super::IoError;
use super::copyup::{Depth, Sources};
use super::parent::{CHAIN_ATTEMPTS, ParentError};
use super::plan::Existence;
use crate::image::{Current, Image};
use crate::object_map::ObjectMap;
use crate::progress::Progress;
use crate::visit::Visit;

/// A change of nothing, before which the object is kept for its snapshots.
const TOUCH: WriteStep = WriteStep::Append { data: Bytes::new() };

/// How many bytes of objects may be on their way at once.
const IN_FLIGHT: u64 = 128 << 20;

/// How many copyups count as one operation of a verb: most wait, for one OSD and then for another,
/// and bring little of their object.
const COPYUPS: usize = 3;

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
    pub(crate) async fn copyup_all(&self, progress: &dyn Progress) -> Result<(), IoError> {
        let current = self.fresh().await?;
        let count = Depth::objects(&current.header);
        let noted = self.note_ahead(&current, count).await?;
        let fitting = (IN_FLIGHT / current.header.striping.object_size()).max(1) as usize;
        let at_once = self.config().concurrent_management_ops.saturating_mul(COPYUPS);
        let mut absent = noted.into_iter().flatten().peekable();
        let candidates = (0..count).map(move |number| match absent.next_if_eq(&number) {
            Some(_) => Candidate { number, existence: Existence::Absent },
            None => Candidate { number, existence: Existence::Unknown },
        });
        let work = |candidate| self.flatten_object(Arc::clone(&current), candidate);
        Visit { at_once: at_once.clamp(1, fitting), count, progress }.each(candidates, work).await
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
        let whole = (&depth, AllZeros::Refuse);
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
