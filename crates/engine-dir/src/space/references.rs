//! How many owners a block has beyond its first: kept only where blocks are shared.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use crate::layout::{Damaged, Reader, Writer};
use crate::meta::{MetaChange, MetaError, MetaStore, Table};
use crate::units::Run;

/// Blocks of a region: 16 MiB of the file.
const REGION: u64 = 4096;

#[derive(Clone, Debug)]
struct Region {
    /// Owners beyond the first, for each block.
    extra: Box<[u32; REGION as usize]>,
    total: u64,
}

impl Region {
    fn new() -> Region {
        Region { extra: Box::new([0; REGION as usize]), total: 0 }
    }
}

/// The counts, by region.
#[derive(Debug)]
pub(crate) struct References {
    meta: Option<Arc<dyn MetaStore>>,
    regions: BTreeMap<u64, Region>,
    /// Regions that the last checkpoint stored.
    stored: BTreeSet<u64>,
    dirty: BTreeSet<u64>,
}

impl References {
    pub(crate) fn new(meta: Option<Arc<dyn MetaStore>>) -> References {
        let (regions, stored, dirty) = Default::default();
        References { meta, regions, stored, dirty }
    }

    /// Learns which regions a checkpoint stored.
    pub(crate) fn restore(&mut self) -> Result<(), MetaError> {
        let Some(meta) = &self.meta else { return Ok(()) };
        let mut from = Bound::Unbounded;
        loop {
            let page = meta.range(Table::References, from, &[], 1024)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            from = Bound::Excluded(last.to_vec());
            for (key, _) in &page {
                let key = key[..].try_into().map_err(|_| Damaged("a region has no number"))?;
                self.stored.insert(u64::from_be_bytes(key));
            }
        }
    }

    /// From now on regions are loaded from there.
    pub(crate) fn attach(&mut self, meta: &Arc<dyn MetaStore>) {
        self.meta.get_or_insert_with(|| Arc::clone(meta));
    }

    /// Its row has to be stored again, or removed again.
    pub(super) fn mark_dirty(&mut self, region: u64) {
        self.stored.insert(region);
        self.regions.entry(region).or_insert_with(Region::new);
        self.dirty.insert(region);
    }

    /// The region, if any of its blocks is shared.
    fn load(&mut self, number: u64) -> Result<Option<&mut Region>, MetaError> {
        if !self.regions.contains_key(&number) && self.stored.contains(&number) {
            let meta = self.meta.as_ref().ok_or(Damaged("there is no metadata"))?;
            let row = meta.get(Table::References, &number.to_be_bytes())?;
            let row = row.ok_or(Damaged("a region's counts are missing"))?;
            self.regions.insert(number, decode(&row)?);
        }
        Ok(self.regions.get_mut(&number))
    }

    /// One owner more for each block of the run.
    pub(crate) fn add_one(&mut self, run: Run) -> Result<(), MetaError> {
        for piece in pieces(run) {
            let number = piece.start / REGION;
            if self.load(number)?.is_none() {
                self.regions.insert(number, Region::new());
            }
            let region = self.regions.get_mut(&number).expect("it was put there if missing");
            let first = (piece.start % REGION) as usize;
            region.extra[first..first + piece.count as usize].iter_mut().for_each(|n| *n += 1);
            region.total += piece.count;
            self.dirty.insert(number);
        }
        Ok(())
    }

    /// One owner less for each block of the run; yields the runs that have none left.
    pub(super) fn drop_one(&mut self, run: Run) -> Result<Vec<Run>, MetaError> {
        let mut freed: Vec<Run> = Vec::new();
        let mut free = |run: Run| match freed.last_mut() {
            Some(last) if last.end() == run.start => last.count += run.count,
            _ => freed.push(run),
        };
        for piece in pieces(run) {
            let number = piece.start / REGION;
            let Some(region) = self.load(number)? else {
                free(piece);
                continue;
            };
            let mut dropped = 0;
            for block in piece.start..piece.end() {
                let extra = &mut region.extra[(block % REGION) as usize];
                if *extra == 0 {
                    free(Run::new(block, 1));
                } else {
                    *extra -= 1;
                    dropped += 1;
                }
            }
            region.total -= dropped;
            if dropped > 0 {
                self.dirty.insert(number);
            }
        }
        Ok(freed)
    }

    /// Owners of a block that is in use, beyond the first.
    pub(crate) fn extra(&mut self, block: u64) -> Result<u32, MetaError> {
        let region = self.load(block / REGION)?;
        Ok(region.map_or(0, |region| region.extra[(block % REGION) as usize]))
    }

    /// The regions that have shared blocks.
    pub(crate) fn regions(&self) -> impl Iterator<Item = Run> {
        let numbers: BTreeSet<u64> = self.regions.keys().chain(&self.stored).copied().collect();
        numbers.into_iter().map(|number| Run::new(number * REGION, REGION))
    }

    pub(super) fn freeze(&mut self) -> Vec<MetaChange> {
        let mut changes = Vec::new();
        for number in std::mem::take(&mut self.dirty) {
            let key = number.to_be_bytes().to_vec();
            let Some(region) = self.regions.get(&number) else { continue };
            if region.total > 0 {
                let value = encode(region);
                changes.push(MetaChange::Put { table: Table::References, key, value });
                self.stored.insert(number);
                continue;
            }
            self.regions.remove(&number);
            if self.stored.remove(&number) {
                changes.push(MetaChange::Delete { table: Table::References, key });
            }
        }
        changes
    }
}

fn pieces(run: Run) -> impl Iterator<Item = Run> {
    let mut at = run.start;
    std::iter::from_fn(move || {
        let end = run.end().min((at / REGION + 1) * REGION);
        let piece = Run::new(at, end - at);
        at = end;
        (piece.count > 0).then_some(piece)
    })
}

/// Runs of equal counts.
fn encode(region: &Region) -> Vec<u8> {
    let mut writer = Writer::new();
    for equal in region.extra.chunk_by(|left, right| left == right) {
        writer.number(equal.len() as u64);
        writer.number(u64::from(equal[0]));
    }
    writer.finish()
}

fn decode(row: &[u8]) -> Result<Region, Damaged> {
    let mut reader = Reader::new(row);
    let mut region = Region::new();
    let mut at = 0usize;
    while !reader.is_empty() {
        let (count, extra) = (reader.number()?, reader.number()?);
        let count = usize::try_from(count).map_err(|_| Damaged("a region is too long"))?;
        let extra = u32::try_from(extra).map_err(|_| Damaged("a count is too large"))?;
        let end = at.checked_add(count).ok_or(Damaged("a region is too long"))?;
        region.extra.get_mut(at..end).ok_or(Damaged("a region is too long"))?.fill(extra);
        region.total += u64::from(extra) * count as u64;
        at = end;
    }
    Ok(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_owner_frees() {
        let mut references = References::new(None);
        references.add_one(Run::new(4090, 10)).expect("nothing is stored");
        references.add_one(Run::new(4095, 1)).expect("nothing is stored");
        let freed = references.drop_one(Run::new(4088, 14)).expect("nothing is stored");
        assert_eq!(freed, [Run::new(4088, 2), Run::new(4100, 2)]);
        let freed = references.drop_one(Run::new(4090, 10)).expect("nothing is stored");
        assert_eq!(freed, [Run::new(4090, 5), Run::new(4096, 4)]);
    }

    #[test]
    fn a_region_reads_what_it_wrote() {
        let mut references = References::new(None);
        references.add_one(Run::new(5, 7)).expect("nothing is stored");
        references.add_one(Run::new(6, 1)).expect("nothing is stored");
        let region = &references.regions[&0];
        let read = decode(&encode(region)).expect("it was just written");
        assert_eq!((&read.extra, read.total), (&region.extra, 8));
    }
}
