//! Read operations.

use super::body::Body;
use super::context::Caller;
use super::state::{State, name_of};
use super::transaction::{Reading, Transaction};
use super::write::Failure;
use crate::op::OmapPage;
use crate::{
    Errno, ListQuery, ObjectId, ObjectPage, ReadOp, ReadResult, ReadStep, Result, SnapId, SnapSet,
};

impl State {
    pub(super) fn read(
        &self,
        id: &ObjectId,
        snap: SnapId,
        op: ReadOp,
        caller: &Caller,
    ) -> Result<Vec<ReadResult>, Failure> {
        let pool = self.pool(id.pool)?;
        if pool.removed_snaps.contains(&snap) {
            return Err(Errno::NOENT.into());
        }
        let body = self.object(id)?.at(snap).ok_or(Errno::NOENT)?;
        op.steps.into_iter().map(|step| self.read_step(step, body, caller)).collect()
    }

    fn read_step(
        &self,
        step: ReadStep,
        body: &Body,
        caller: &Caller,
    ) -> Result<ReadResult, Failure> {
        Ok(match step {
            ReadStep::AssertExists => ReadResult::Done,
            ReadStep::Stat => ReadResult::Stat(body.stat()),
            ReadStep::Read { offset, length } => ReadResult::Data(body.data.read(offset, length)),
            ReadStep::SparseRead { offset, length } => {
                let runs = body.data.runs(offset, length).into_iter();
                ReadResult::Extents(runs.map(|(o, l)| (o, body.data.read(o, l))).collect())
            }
            ReadStep::Stored { offset, length } => {
                ReadResult::Ranges(body.data.runs(offset, length))
            }
            ReadStep::CompareExtent { offset, data } => match body.mismatch(offset, &data) {
                Some(at) => return Err(Failure::Mismatch(at)),
                None => ReadResult::Done,
            },
            ReadStep::GetXattr { name } => ReadResult::Data(body.xattr(&name)?),
            ReadStep::GetXattrs => ReadResult::Xattrs(body.all_xattrs()),
            ReadStep::OmapList { after, prefix, max } => {
                let max = max.min(caller.omap_page);
                ReadResult::Omap(body.omap_list(after.as_deref(), &prefix, max))
            }
            ReadStep::OmapGet { mut keys } => {
                keys.sort_unstable();
                keys.dedup();
                let found = |key| body.omap.get_key_value(&key);
                let entries = keys
                    .into_iter()
                    .filter_map(|k| found(k).map(|(key, value)| (key.clone(), value.clone())));
                ReadResult::Omap(OmapPage { entries: entries.collect(), more: false })
            }
            ReadStep::Exec { class, method, input } => {
                let mut view =
                    Transaction::new(Some(body.clone()), Reading::Plain, Some(SnapId(0)));
                let names = (&class[..], &method[..]);
                ReadResult::Data(self.call_reading(names, &mut view, caller, &input)?)
            }
        })
    }

    pub(super) fn list_snaps(&self, id: &ObjectId) -> Result<SnapSet, Errno> {
        Ok(self.object(id)?.set.clone())
    }

    /// The cursor is the last object's namespace and name with a zero byte between.
    pub(super) fn list_objects(&self, query: &ListQuery) -> Result<ObjectPage, Errno> {
        let pool = self.pool(query.pool)?;
        let wanted = |name: &&super::state::Name| {
            query.namespace.as_deref().is_none_or(|namespace| namespace == &*name.0)
        };
        let id = |namespace: &_, name: &_| {
            ObjectId::new(query.pool, Clone::clone(namespace), Clone::clone(name))
        };
        let after = match &query.cursor {
            Some(cursor) => Some(name_of(&parse_cursor(query, cursor).ok_or(Errno::INVAL)?)),
            None => None,
        };
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let mut names = pool
            .objects
            .range((from, std::ops::Bound::Unbounded))
            .map(|(name, _)| name)
            .filter(wanted);
        let objects: Vec<ObjectId> =
            names.by_ref().take(query.max.max(1)).map(|(ns, name)| id(ns, name)).collect();
        let next = match (names.next(), objects.last()) {
            (Some(_), Some(last)) => Some(cursor_of(last)),
            _ => None,
        };
        Ok(ObjectPage { objects, next })
    }
}

fn cursor_of(object: &ObjectId) -> bytes::Bytes {
    bytes::Bytes::from(format!("{}\0{}", object.namespace, object.name))
}

fn parse_cursor(query: &ListQuery, cursor: &[u8]) -> Option<ObjectId> {
    let (namespace, name) = std::str::from_utf8(cursor).ok()?.split_once('\0')?;
    Some(ObjectId::new(query.pool, namespace, name))
}
