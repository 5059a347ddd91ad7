//! What removals leave to be done: clones of removed snapshots, objects of removed pools.
//!
//! The queue is part of the state (`trims`, `purges`) and so survives; a pass over it is not: one
//! that was cut short begins again and finds less to do.

use marcot_store::op::Timestamp;
use marcot_store::{ObjectId, PoolId, SnapId, StoreError};

use super::{Core, meta_failed};
use crate::layout::{ClusterItem, Item, ObjectRecord, Record};
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
