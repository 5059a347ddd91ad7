//! What removals leave to be done: clones of removed snapshots, objects of removed pools.
//!
//! The queue is part of the state (`trims`, `purges`) and so survives; a pass over it is not: one
//! that was cut short begins again and finds less to do.

use std::collections::HashMap;

use marcot_store::op::Timestamp;
use marcot_store::snapset;
use marcot_store::{ObjectId, PoolId, SnapId, StoreError};

use super::{Core, meta_failed};
use crate::layout::{ClusterItem, Item, ObjectRecord, Record};
use crate::meta::MetaError;
use crate::object::{Body, Object};
use crate::state::Scan;

/// One pass over the objects of a pool.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pool: PoolId,
    work: Work,
    after: Option<ObjectId>,
}

#[derive(Clone, Debug)]
enum Work {
    Trim(Vec<SnapId>),
    Purge,
}

impl Work {
    /// The bodies of an object that it would drop.
    fn dropped<'o>(&self, object: &'o Object) -> Vec<&'o Body> {
        let Work::Trim(removed) = self else {
            return object.clones.values().chain(&object.head).collect();
        };
        let mut snaps = object.snaps.clone();
        let trimmed = snapset::trim(&mut snaps, |snap| removed.contains(&snap));
        trimmed.dropped.iter().filter_map(|id| object.clones.get(id)).collect()
    }
}

impl Core {
    /// Whether anything is left to be done.
    pub(crate) fn has_housework(&self) -> bool {
        !self.state.cluster.trims.is_empty() || !self.state.cluster.purges.is_empty()
    }

    /// Looks at up to `objects` objects. Tells whether more is left.
    pub(crate) fn housekeep(&mut self, objects: usize) -> Result<bool, StoreError> {
        let Some(mut pass) = self.pass.take().or_else(|| self.next_pass()) else {
            return Ok(false);
        };
        let scan = match pass.work {
            Work::Trim(_) => (Scan::Cloned, objects.max(1)),
            Work::Purge => (Scan::All, objects.max(1)),
        };
        let meta = self.state.meta.as_deref();
        let found = self.state.objects.scan(meta, pass.pool, pass.after.as_ref(), scan);
        let found = found.map_err(|error| meta_failed(&error, "look for removed snapshots"))?;
        let at_end = found.len() < scan.1;
        for id in &found {
            self.keep_house_of(id, &pass.work)?;
        }
        pass.after = found.into_iter().next_back().or(pass.after);
        if at_end {
            self.end_pass(&pass)?;
        } else {
            self.pass = Some(pass);
        }
        Ok(self.has_housework())
    }

    /// All the work that is left, a pass for each pool.
    pub(crate) fn housework(&self) -> Vec<Pass> {
        let cluster = &self.state.cluster;
        let purges = cluster.purges.iter();
        let mut passes: Vec<Pass> =
            purges.map(|pool| Pass { pool: *pool, work: Work::Purge, after: None }).collect();
        for (pool, snap) in &cluster.trims {
            match passes.last_mut() {
                Some(Pass { pool: last, work: Work::Trim(snaps), .. }) if last == pool => {
                    snaps.push(*snap);
                }
                _ => passes.push(Pass { pool: *pool, work: Work::Trim(vec![*snap]), after: None }),
            }
        }
        passes
    }

    /// Blocks that the next objects of a pass would give back, without doing it; `None` at its
    /// end. What several of the objects share with each other alone is not counted.
    pub(crate) fn survey(
        &mut self,
        pass: &mut Pass,
        objects: usize,
    ) -> Result<Option<u64>, MetaError> {
        let kind = match pass.work {
            Work::Trim(_) => Scan::Cloned,
            Work::Purge => Scan::All,
        };
        let (state, after) = (&mut self.state, pass.after.as_ref());
        let found = state.objects.scan(state.meta.as_deref(), pass.pool, after, (kind, objects))?;
        let Some(last) = found.last().cloned() else { return Ok(None) };
        pass.after = Some(last);
        let mut blocks = 0;
        for id in &found {
            let object = self.state.object(id)?;
            let mut owners: HashMap<u64, u32> = HashMap::new();
            for body in pass.work.dropped(&object) {
                let mapped = body.blocks.runs().into_iter().flat_map(|run| run.start..run.end());
                mapped.for_each(|block| *owners.entry(block).or_insert(0) += 1);
            }
            for (block, dropped) in owners {
                let extra = self.state.space.references.extra(block)?;
                blocks += u64::from(extra < dropped);
            }
        }
        Ok(Some(blocks))
    }

    fn next_pass(&self) -> Option<Pass> {
        let cluster = &self.state.cluster;
        if let Some(pool) = cluster.purges.first() {
            return Some(Pass { pool: *pool, work: Work::Purge, after: None });
        }
        let (pool, _) = *cluster.trims.first()?;
        let of_pool = cluster.trims.iter().filter(|(of, _)| *of == pool);
        let snaps = of_pool.map(|(_, snap)| *snap).collect();
        Some(Pass { pool, work: Work::Trim(snaps), after: None })
    }

    fn keep_house_of(&mut self, id: &ObjectId, work: &Work) -> Result<(), StoreError> {
        let item = match work {
            Work::Purge => Item::Forget,
            Work::Trim(removed) => {
                let object = self.state.object(id);
                let object = object.map_err(|error| meta_failed(&error, "trim an object"))?;
                let mut served = object.snaps.clones.iter().flat_map(|clone| &clone.snaps);
                if !served.any(|snap| removed.contains(snap)) {
                    return Ok(());
                }
                Item::Trim { removed: removed.clone() }
            }
        };
        let (id, mtime, cluster) = (id.clone(), Timestamp::default(), Vec::new());
        let record = ObjectRecord { id, mtime, items: vec![item], cluster };
        self.commit(&Record::Object(record)).map(drop)
    }

    fn end_pass(&mut self, pass: &Pass) -> Result<(), StoreError> {
        let pool = pass.pool;
        let done = match &pass.work {
            Work::Purge => vec![ClusterItem::PoolPurged { id: pool }],
            Work::Trim(snaps) => {
                snaps.iter().map(|snap| ClusterItem::SnapTrimmed { pool, snap: *snap }).collect()
            }
        };
        self.commit(&Record::Cluster(done)).map(drop)
    }
}
