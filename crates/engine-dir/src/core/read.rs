//! Read operations: planned with the core locked, finished without.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use marcot_store::op::{ObjectStat, ReadResult};
use marcot_store::{
    Errno, ListQuery, ObjectId, ObjectPage, PoolId, ReadOp, ReadStep, SnapId, SnapSet,
};

use super::Core;
use super::write::body_at;
use crate::object::Object;
use crate::operation::{
    Caller, Calling, Content, Failure, Scratch, call_reading, first_difference, read_extent,
    stored_runs,
};
use crate::state::Scan;

/// A read with everything but its data.
#[derive(Clone, Debug)]
pub(crate) struct ReadPlan {
    object: Arc<Object>,
    clone: Option<SnapId>,
    steps: Vec<Planned>,
    /// What [`Core::released`] showed when the plan was made.
    pub released: u64,
}

#[derive(Clone, Debug)]
enum Planned {
    Known(ReadResult),
    /// `Read`, `SparseRead` or `CompareExtent`: needs data.
    Data(ReadStep),
    /// The steps before may fail first.
    Failed(Errno),
}

impl ReadPlan {
    /// Whether nothing has to be read from the device.
    pub(crate) fn is_known(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step, Planned::Data(_)))
    }
}

impl Core {
    /// Resolves the object and answers everything but its data.
    pub(crate) fn plan_read(
        &mut self,
        (id, snap): (&ObjectId, SnapId),
        op: ReadOp,
        caller: &Caller,
    ) -> Result<ReadPlan, Failure> {
        if self.check_caller(caller, String::new).is_err() {
            return Err(Errno::BLOCKLISTED.into());
        }
        let pool = self.state.cluster.pools.get(&id.pool).ok_or(Errno::NOENT)?;
        if pool.is_removed(snap) {
            return Err(Errno::NOENT.into());
        }
        let object = self.state.object(id)?;
        let clone = body_at(&object, snap).ok_or(Errno::NOENT)?;
        let mut steps = Vec::with_capacity(op.steps.len());
        for step in op.steps {
            let planned = self.plan_step(&object, clone, step, caller)?;
            let failed = matches!(planned, Planned::Failed(..));
            steps.push(planned);
            if failed {
                break;
            }
        }
        let released = self.released.load(Ordering::Acquire);
        Ok(ReadPlan { object, clone, steps, released })
    }

    fn plan_step(
        &self,
        object: &Arc<Object>,
        clone: Option<SnapId>,
        step: ReadStep,
        caller: &Caller,
    ) -> Result<Planned, Failure> {
        let content = self.content();
        let body = object.body(clone).ok_or(Errno::NOENT)?;
        let scratch = || Scratch::new(content, self.state.meta.as_deref(), object, clone);
        let result = match step {
            ReadStep::AssertExists => Ok(ReadResult::Done),
            ReadStep::Stat => {
                let (size, mtime, version) = (body.size, body.mtime, body.version);
                Ok(ReadResult::Stat(ObjectStat { size, mtime, version }))
            }
            ReadStep::Stored { offset, length } => {
                Ok(ReadResult::Ranges(stored_runs(body, offset, length)))
            }
            ReadStep::Read { .. }
            | ReadStep::SparseRead { .. }
            | ReadStep::CompareExtent { .. } => return Ok(Planned::Data(step)),
            ReadStep::GetXattr { name } => match body.xattrs.get(&name) {
                Some(value) => Ok(ReadResult::Data(value.clone())),
                None => Err(Errno::NODATA.into()),
            },
            ReadStep::GetXattrs => Ok(ReadResult::Xattrs(scratch().xattrs()?)),
            ReadStep::OmapList { after, prefix, max } => {
                scratch().omap_list(after.as_deref(), &prefix, max).map(ReadResult::Omap)
            }
            ReadStep::OmapGet { keys } => scratch().omap_get(&keys).map(ReadResult::Omap),
            ReadStep::Exec { class, method, input } => {
                let calling = Calling { classes: &*self.classes, caller };
                call_reading(&mut scratch(), &calling, (&class, &method), &input)
                    .map(ReadResult::Data)
            }
        };
        match result {
            Ok(result) => Ok(Planned::Known(result)),
            Err(Failure::Errno(errno)) => Ok(Planned::Failed(errno)),
            Err(failure) => Err(failure),
        }
    }

    /// The clones of an object.
    pub(crate) fn list_snaps(&mut self, id: &ObjectId) -> Result<SnapSet, Failure> {
        if !self.state.cluster.pools.contains_key(&id.pool) {
            return Err(Errno::NOENT.into());
        }
        let object = self.state.object(id)?;
        if object.is_gone() { Err(Errno::NOENT.into()) } else { Ok(object.snaps.clone()) }
    }

    /// A page of a pool's objects. The cursor is the last one's namespace and name, a zero byte
    /// between.
    pub(crate) fn list_objects(&mut self, query: &ListQuery) -> Result<ObjectPage, Failure> {
        if !self.state.cluster.pools.contains_key(&query.pool) {
            return Err(Errno::NOENT.into());
        }
        let mut after = match &query.cursor {
            Some(cursor) => Some(parse_cursor(query.pool, cursor).ok_or(Errno::INVAL)?),
            None => None,
        };
        let max = query.max.clamp(1, LARGEST_PAGE);
        let meta = self.state.meta.as_deref();
        let mut objects = Vec::new();
        loop {
            let scan = (Scan::All, LARGEST_PAGE);
            let found = self.state.objects.scan(meta, query.pool, after.as_ref(), scan)?;
            let at_end = found.len() < LARGEST_PAGE;
            after = found.last().cloned();
            let wanted =
                |id: &ObjectId| query.namespace.as_deref().is_none_or(|n| n == &*id.namespace);
            objects.extend(found.into_iter().filter(wanted));
            if objects.len() > max {
                objects.truncate(max);
                let next = objects.last().map(cursor_of);
                return Ok(ObjectPage { objects, next });
            }
            if at_end {
                return Ok(ObjectPage { objects, next: None });
            }
        }
    }

    /// `ENOENT` unless the object exists now.
    pub(crate) fn head_exists(&mut self, id: &ObjectId) -> Result<(), Failure> {
        if !self.state.cluster.pools.contains_key(&id.pool) {
            return Err(Errno::NOENT.into());
        }
        match self.state.object(id)?.head {
            Some(_) => Ok(()),
            None => Err(Errno::NOENT.into()),
        }
    }
}

/// The most objects that one call lists.
const LARGEST_PAGE: usize = 1024;

fn cursor_of(object: &ObjectId) -> Bytes {
    Bytes::from(format!("{}\0{}", object.namespace, object.name))
}

fn parse_cursor(pool: PoolId, cursor: &[u8]) -> Option<ObjectId> {
    let (namespace, name) = std::str::from_utf8(cursor).ok()?.split_once('\0')?;
    Some(ObjectId::new(pool, namespace, name))
}

/// Reads the data that a plan lacks. The core is not locked.
pub(crate) fn finish_read(
    plan: &ReadPlan,
    content: Content<'_>,
) -> Result<Vec<ReadResult>, Failure> {
    let body = plan.object.body(plan.clone).ok_or(Errno::NOENT)?;
    let mut results = Vec::with_capacity(plan.steps.len());
    for step in &plan.steps {
        results.push(match step {
            Planned::Known(result) => result.clone(),
            Planned::Failed(errno) => return Err((*errno).into()),
            Planned::Data(ReadStep::Read { offset, length }) => {
                ReadResult::Data(read_extent(content, body, *offset, *length)?)
            }
            Planned::Data(ReadStep::SparseRead { offset, length }) => {
                let runs = stored_runs(body, *offset, *length).into_iter();
                let read = |(from, size)| Ok((from, read_extent(content, body, from, size)?));
                ReadResult::Extents(runs.map(read).collect::<Result<_, Failure>>()?)
            }
            Planned::Data(ReadStep::CompareExtent { offset, data }) => {
                let found = read_extent(content, body, *offset, data.len() as u64)?;
                match first_difference(&found, data) {
                    Some(at) => return Err(Failure::Mismatch(offset + at)),
                    None => ReadResult::Done,
                }
            }
            Planned::Data(_) => return Err(Errno::INVAL.into()),
        });
    }
    Ok(results)
}
