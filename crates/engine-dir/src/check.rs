//! fsck: everything derived is computed anew from the objects and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use marcot_store::{Errno, ObjectId, StoreError};

use crate::core::Core;
use crate::meta::Table;
use crate::object::{Body, Object, Piece};
use crate::operation::{Content, Wait};
use crate::state::{Scan, Usage};
use crate::units::{BLOCK, BLOCK_BYTES, Run, blocks_for};

/// How much a check reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Metadata only.
    Metadata,
    /// Every block of data too, against its checksum.
    Data,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub objects: u64,
    pub clones: u64,
    /// Blocks that objects name, shared ones counted once.
    pub blocks: u64,
    /// What is wrong, in words; empty for a sound store.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }
}

const PAGE: usize = 1024;

impl Core {
    /// Looks through the whole store. Nothing else happens meanwhile.
    pub(crate) fn check(&mut self, depth: Depth) -> Result<Report, StoreError> {
        let failed = |error| StoreError::new(Errno::IO, format!("check the store ({error})"));
        let mut check =
            Check { core: self, depth, report: Report::default(), owners: BTreeMap::new() };
        check.objects().map_err(failed)?;
        check.space().map_err(failed)?;
        if depth == Depth::Data {
            check.rows();
        }
        Ok(check.report)
    }
}

struct Check<'c> {
    core: &'c mut Core,
    depth: Depth,
    report: Report,
    /// How many bodies name each block.
    owners: BTreeMap<u64, u32>,
}

impl Check<'_> {
    fn problem(&mut self, words: String) {
        self.report.problems.push(words);
    }

    fn objects(&mut self) -> Result<(), crate::meta::MetaError> {
        let cluster = &self.core.state.cluster;
        let pools: BTreeSet<_> = cluster.pools.keys().chain(&cluster.purges).copied().collect();
        for pool in pools {
            let (mut heads, mut blocks) = (0, 0);
            let mut after = None;
            loop {
                let state = &mut self.core.state;
                let meta = state.meta.clone();
                let scan = (Scan::All, PAGE);
                let found = state.objects.scan(meta.as_deref(), pool, after.as_ref(), scan)?;
                for id in &found {
                    let object = self.core.state.object(id)?;
                    let usage = Usage::of(&object);
                    heads += usage.heads;
                    blocks += usage.blocks;
                    self.object(id, &object);
                }
                if found.len() < PAGE {
                    break;
                }
                after = found.into_iter().next_back();
            }
            if let Some(pool) = self.core.state.cluster.pools.get(&pool)
                && (pool.objects, pool.stored_blocks) != (heads, blocks)
            {
                let (objects, stored) = (pool.objects, pool.stored_blocks);
                self.problem(format!(
                    "pool {} counts {objects} objects in {stored} blocks, there are {heads} in \
                     {blocks}",
                    pool.name.clone()
                ));
            }
        }
        Ok(())
    }

    /// Every row of the checkpoint can be read, those too that no object leads to.
    fn rows(&mut self) {
        let Some(meta) = self.core.state.meta.clone() else { return };
        for table in Table::ALL {
            let mut from = Bound::Unbounded;
            loop {
                match meta.range(table, from, b"", PAGE) {
                    Err(error) => self.problem(format!("{table:?} of the checkpoint: {error}")),
                    Ok(rows) if rows.len() == PAGE => {
                        let last = rows.last().map(|(key, _)| key.to_vec());
                        from = last.map_or(Bound::Unbounded, Bound::Excluded);
                        continue;
                    }
                    Ok(_) => {}
                }
                break;
            }
        }
    }

    fn object(&mut self, id: &ObjectId, object: &Object) {
        self.report.objects += u64::from(object.head.is_some());
        self.report.clones += object.clones.len() as u64;
        if object.snaps.head_size != object.head.as_ref().map(|head| head.size) {
            self.problem(format!("{id}: its snap set has another size for the head"));
        }
        let named: Vec<_> =
            object.snaps.clones.iter().map(|clone| (clone.id, clone.size)).collect();
        let there: Vec<_> = object.clones.iter().map(|(id, body)| (*id, body.size)).collect();
        if named != there {
            self.problem(format!("{id}: its snap set names {named:?}, there are {there:?}"));
        }
        for body in object.clones.values().chain(&object.head) {
            self.body(id, body);
        }
    }

    fn body(&mut self, id: &ObjectId, body: &Body) {
        let size = blocks_for(body.size);
        for piece in body.blocks.pieces() {
            let checksums = &self.core.state.checksums;
            if let Err(error) = checksums.load(piece.run, &mut Vec::new()) {
                self.problem(format!("{id}: {error}"));
            }
            for (block, physical) in (piece.block..).zip(piece.run.start..piece.run.end()) {
                *self.owners.entry(physical).or_insert(0) += 1;
                if block >= size {
                    self.problem(format!("{id}: block {block} lies beyond its end"));
                }
            }
            if self.depth == Depth::Data {
                self.data(id, body, piece);
            }
        }
    }

    fn data(&mut self, id: &ObjectId, body: &Body, piece: Piece) {
        let device = Arc::clone(&self.core.device);
        let checksums = Arc::clone(&self.core.state.checksums);
        let content = Content { device: &*device, checksums: &checksums, wait: Wait::Allowed };
        for block in piece.block..piece.block + piece.run.count {
            match content.block(body, block) {
                Ok(Some(bytes)) => {
                    let end = body.size.saturating_sub(block * BLOCK_BYTES).min(BLOCK as u64);
                    if bytes.iter().skip(end as usize).any(|byte| *byte != 0) {
                        self.problem(format!("{id}: there are bytes beyond its end"));
                    }
                }
                Ok(None) => {}
                Err(failure) => self.problem(format!("{id}: {failure}")),
            }
        }
    }

    fn space(&mut self) -> Result<(), crate::meta::MetaError> {
        self.report.blocks = self.owners.len() as u64;
        let owners = std::mem::take(&mut self.owners);
        for (block, count) in &owners {
            let space = &mut self.core.state.space;
            let (used, extra) = (space.bitmap.is_set(*block)?, space.references.extra(*block)?);
            if !used {
                self.problem(format!("block {block} is in use and marked free"));
            }
            if extra + 1 != *count {
                self.problem(format!("block {block} has {count} owners and counts {}", extra + 1));
            }
        }
        let regions: Vec<Run> = self.core.state.space.references.regions().collect();
        for block in regions.into_iter().flat_map(|region| region.start..region.end()) {
            let extra = self.core.state.space.references.extra(block)?;
            if extra > 0 && !owners.contains_key(&block) {
                self.problem(format!("block {block} has no owner and counts {}", extra + 1));
            }
        }
        let mut elsewhere: BTreeSet<u64> = BTreeSet::new();
        let waiting: Vec<Run> = self.core.state.space.quarantine.iter().collect();
        for run in self.core.blocks_without_object().into_iter().chain(waiting) {
            for block in run.start..run.end() {
                if owners.contains_key(&block) || !elsewhere.insert(block) {
                    self.problem(format!("block {block} is used for two things"));
                }
            }
        }
        let (used, named) = (self.core.state.space.bitmap.used(), owners.len() + elsewhere.len());
        if used != named as u64 {
            self.problem(format!("{used} blocks are marked as in use, {named} are"));
        }
        Ok(())
    }
}
