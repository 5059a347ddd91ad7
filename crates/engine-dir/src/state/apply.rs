//! What records do to objects.

use std::sync::Arc;

use marcot_store::ranges::RangeSet;
use marcot_store::snapset::{self, ClonePlan, NewClone};
use marcot_store::{PoolId, SnapId, Version};

use super::State;
use crate::layout::{Damaged, Item, ObjectRecord, Record};
use crate::meta::MetaError;
use crate::object::{Body, Object, Omap};
use crate::planted::{Defect, planted};
use crate::units::{Run, blocks_for};

impl State {
    /// Makes the state what it is after `record`.
    ///
    /// An error means that the metadata could not be read, or that the log is damaged in a way
    /// that its checksums do not show: the state is then good for nothing.
    pub(crate) fn apply(&mut self, seq: u64, record: &Record) -> Result<(), MetaError> {
        match record {
            Record::Owner { client_limit, .. } => {
                self.cluster.client_limit = self.cluster.client_limit.max(*client_limit);
            }
            Record::Jump { .. } | Record::Mark => {}
            Record::Cluster(items) => items.iter().for_each(|item| self.apply_cluster(item)),
            Record::Object(record) => {
                self.apply_object(seq, record)?;
                record.cluster.iter().for_each(|item| self.apply_cluster(&item.told(seq)));
            }
        }
        Ok(())
    }

    fn apply_object(&mut self, seq: u64, record: &ObjectRecord) -> Result<(), MetaError> {
        // Getting it first puts it into memory; dropping that handle lets it change in place.
        drop(self.object(&record.id)?);
        let mut shared = self.objects.take(&record.id);
        let object = Arc::make_mut(&mut shared);
        let before = Usage::of(object);
        let mut change = Change { state: self, seq, object };
        change.run(record)?;
        let after = Usage::of(object);
        self.objects.put(&record.id, shared, seq);
        self.count(record.id.pool, before, after);
        Ok(())
    }

    fn count(&mut self, pool: PoolId, before: Usage, after: Usage) {
        if let Some(pool) = self.cluster.pools.get_mut(&pool) {
            pool.objects = (pool.objects + after.heads).saturating_sub(before.heads);
            pool.stored_blocks = (pool.stored_blocks + after.blocks).saturating_sub(before.blocks);
        }
    }
}

/// What an object adds to its pool's figures.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    pub heads: u64,
    pub blocks: u64,
}

impl Usage {
    pub(crate) fn of(object: &Object) -> Usage {
        let bodies = object.clones.values().chain(&object.head);
        Usage {
            heads: u64::from(object.head.is_some()),
            blocks: bodies.map(|body| body.blocks.mapped()).sum(),
        }
    }
}

struct Change<'a> {
    state: &'a mut State,
    seq: u64,
    object: &'a mut Object,
}

impl Change<'_> {
    fn run(&mut self, record: &ObjectRecord) -> Result<(), MetaError> {
        let mut snapshots = None;
        let mut touches_head = false;
        for item in &record.items {
            match item {
                Item::Snapshots { seq, clone, modified } => {
                    if let Some((id, _)) = clone {
                        self.make_clone(*id)?;
                    }
                    let clone = clone.clone().map(|(id, snaps)| NewClone { id, snaps });
                    snapshots = Some((ClonePlan { clone, seq: *seq }, modified));
                }
                Item::Trim { removed } => self.trim(removed)?,
                Item::Forget => self.forget()?,
                item => {
                    touches_head = true;
                    self.apply(item)?;
                }
            }
        }
        if let (true, Some(head)) = (touches_head, &mut self.object.head) {
            head.version = Version(self.seq);
            head.mtime = record.mtime;
        }
        let head_size = self.object.head.as_ref().map(|head| head.size);
        match snapshots {
            Some((plan, modified)) => {
                let modified = RangeSet::from_ranges(modified);
                snapset::commit_write(&mut self.object.snaps, plan, &modified, head_size);
            }
            None => self.object.snaps.head_size = head_size,
        }
        Ok(())
    }

    fn head(&mut self) -> Result<&mut Body, MetaError> {
        Ok(self.object.head.as_mut().ok_or(Damaged("a record changes what is not there"))?)
    }

    fn apply(&mut self, item: &Item) -> Result<(), MetaError> {
        let seq = self.seq;
        match item {
            Item::Create => {
                self.object.head.get_or_insert_default();
            }
            Item::Remove => {
                if let Some(head) = self.object.head.take() {
                    self.release_body(&head)?;
                }
            }
            Item::Write { block, physical, checksums } => {
                let run = Run::new(*physical, checksums.len() as u64);
                self.place(*block, run)?;
                self.state.checksums.set(run, checksums, seq);
                self.state.space.bitmap.set(run)?;
            }
            Item::Hole { block, count } => self.cut(*block, *count)?,
            Item::Size { bytes } => {
                let (old, new) = (self.head()?.size, *bytes);
                let (first, end) = (blocks_for(new), blocks_for(old));
                self.cut(first, end.saturating_sub(first))?;
                self.head()?.size = new;
            }
            Item::SetXattr { name, value } => {
                let xattrs = Arc::make_mut(&mut self.head()?.xattrs);
                xattrs.insert(name.clone(), value.clone());
            }
            Item::RemoveXattr { name } => {
                Arc::make_mut(&mut self.head()?.xattrs).remove(name);
            }
            Item::OmapSet { key, value } => {
                self.head()?.omap.set(key.clone(), Some(value.clone()), seq);
            }
            Item::OmapRemove { key } => self.head()?.omap.set(key.clone(), None, seq),
            Item::OmapClear => {
                let cleared = std::mem::take(&mut self.head()?.omap);
                self.state.drop_omap(&cleared);
            }
            Item::Share { block, run } => self.share(*block, *run)?,
            Item::ShareOf { source, clone, source_block, block, count } => {
                let source = self.state.object(source)?;
                let body = source.body(*clone).ok_or(Damaged("a shared source is not there"))?;
                let mut pieces =
                    body.blocks.pieces_in(*source_block, source_block + count).into_iter();
                pieces.try_for_each(|piece| {
                    self.share(piece.block - source_block + block, piece.run)
                })?;
            }
            Item::Restore { clone } => self.restore(*clone)?,
            Item::Snapshots { .. } | Item::Trim { .. } | Item::Forget => {}
        }
        Ok(())
    }

    /// The blocks lie there from now on; where they were before has an owner less.
    fn place(&mut self, block: u64, run: Run) -> Result<(), MetaError> {
        let blocks = &mut self.head()?.blocks;
        let before = blocks.runs_in(block, block + run.count);
        blocks.put(block, run);
        self.release(before)
    }

    fn cut(&mut self, block: u64, count: u64) -> Result<(), MetaError> {
        let blocks = &mut self.head()?.blocks;
        let before = blocks.runs_in(block, block + count);
        blocks.clear(block, count);
        self.release(before)
    }

    fn release(&mut self, runs: Vec<Run>) -> Result<(), MetaError> {
        let (space, seq) = (&mut self.state.space, self.seq);
        runs.into_iter().try_for_each(|run| space.release(run, seq))
    }

    fn share(&mut self, block: u64, run: Run) -> Result<(), MetaError> {
        if !planted(Defect::UncountedShare) {
            self.state.space.references.add_one(run)?;
        }
        self.place(block, run)
    }

    fn add_owner(&mut self, body: &Body) -> Result<(), MetaError> {
        let references = &mut self.state.space.references;
        body.blocks.runs().into_iter().try_for_each(|run| references.add_one(run))
    }

    fn release_body(&mut self, body: &Body) -> Result<(), MetaError> {
        self.state.drop_omap(&body.omap);
        self.release(body.blocks.runs())
    }

    /// A copy of an omap under a number of its own.
    fn copy_omap(&self, omap: &Omap, number: u64) -> Result<Omap, MetaError> {
        let all = omap.list(self.state.meta.as_deref(), None, &[], u64::MAX)?;
        let mut copy = Omap::default();
        if !all.entries.is_empty() {
            copy.number = number;
        }
        all.entries.into_iter().for_each(|(key, value)| copy.set(key, Some(value), self.seq));
        Ok(copy)
    }

    fn make_clone(&mut self, id: SnapId) -> Result<(), MetaError> {
        let mut body = self.head()?.clone();
        self.add_owner(&body)?;
        body.omap = self.copy_omap(&body.omap, Omap::clone_number(self.seq))?;
        self.object.clones.insert(id, body);
        Ok(())
    }

    fn restore(&mut self, clone: SnapId) -> Result<(), MetaError> {
        let found = self.object.clones.get(&clone);
        let mut body = found.ok_or(Damaged("a restored clone is not there"))?.clone();
        self.add_owner(&body)?;
        if let Some(head) = self.object.head.take() {
            self.release_body(&head)?;
        }
        body.omap = self.copy_omap(&body.omap, Omap::head_number(self.seq))?;
        self.object.head = Some(body);
        Ok(())
    }

    fn trim(&mut self, removed: &[SnapId]) -> Result<(), MetaError> {
        let trimmed = snapset::trim(&mut self.object.snaps, |snap| removed.contains(&snap));
        for id in trimmed.dropped {
            if let Some(body) = self.object.clones.remove(&id) {
                self.release_body(&body)?;
            }
        }
        Ok(())
    }

    fn forget(&mut self) -> Result<(), MetaError> {
        let object = std::mem::take(self.object);
        let bodies = object.clones.values().chain(&object.head);
        bodies.into_iter().try_for_each(|body| self.release_body(body))
    }
}
