//! How many owners a block has beyond its first: kept only where blocks are shared.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};
use std::sync::Arc;

use crate::layout::{Damaged, Reader, Writer};
use crate::meta::{MetaChange, MetaError, MetaStore, Table};
use crate::units::Run;

/// Blocks of a region: 16 MiB of the file.
const REGION: u64 = 4096;

/// A region as runs of equal counts: shared blocks come in few and long ones.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Region {
    /// Where in the region a run ends, and how many owners beyond the first its blocks have.
    runs: Vec<(u64, u32)>,
}

impl Region {
    fn new() -> Region {
        Region { runs: vec![(REGION, 0)] }
    }

    fn has_shared(&self) -> bool {
        self.runs.iter().any(|(_, extra)| *extra > 0)
    }

    /// The run that a block lies in.
    fn find(&self, at: u64) -> usize {
        self.runs.partition_point(|(end, _)| *end <= at)
    }

    fn extra(&self, at: u64) -> u32 {
        self.runs.get(self.find(at)).map_or(0, |(_, extra)| *extra)
    }

    /// Has a run end at `at`, and yields the one behind.
    fn split(&mut self, at: u64) -> usize {
        let index = self.find(at);
        let begins = index.checked_sub(1).map_or(0, |before| self.runs[before].0);
        if begins == at || index == self.runs.len() {
            return index;
        }
        self.runs.insert(index, (at, self.runs[index].1));
        index + 1
    }

    /// Gives each count in the range to `change`, with the part of the range that has it.
    fn change(&mut self, range: Range<u64>, mut change: impl FnMut(Range<u64>, u32) -> u32) {
        let first = self.split(range.start);
        let last = self.split(range.end);
        let mut at = range.start;
        for (end, extra) in &mut self.runs[first..last] {
            *extra = change(at..*end, *extra);
            at = *end;
        }
        // Only around what has changed can there be equal neighbours.
        let around = first.saturating_sub(1)..(last + 1).min(self.runs.len());
        let mut merged: Vec<(u64, u32)> = Vec::with_capacity(around.len());
        for (end, extra) in &self.runs[around.clone()] {
            match merged.last_mut() {
                Some(last) if last.1 == *extra => last.0 = *end,
                _ => merged.push((*end, *extra)),
            }
        }
        self.runs.splice(around, merged);
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
            region.change(within(piece), |_, extra| extra + 1);
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
            let mut dropped = false;
            region.change(within(piece), |part, extra| {
                dropped |= extra > 0;
                if extra == 0 {
                    free(Run::new(number * REGION + part.start, part.end - part.start));
                }
                extra.saturating_sub(1)
            });
            if dropped {
                self.dirty.insert(number);
            }
        }
        Ok(freed)
    }

    /// Owners of a block that is in use, beyond the first.
    pub(crate) fn extra(&mut self, block: u64) -> Result<u32, MetaError> {
        let region = self.load(block / REGION)?;
        Ok(region.map_or(0, |region| region.extra(block % REGION)))
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
            if region.has_shared() {
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

/// The part of its region that a piece is.
fn within(piece: Run) -> Range<u64> {
    let start = piece.start % REGION;
    start..start + piece.count
}

fn encode(region: &Region) -> Vec<u8> {
    let mut writer = Writer::new();
    let mut begins = 0;
    for (end, extra) in &region.runs {
        writer.number(end - begins);
        writer.number(u64::from(*extra));
        begins = *end;
    }
    writer.finish()
}

fn decode(row: &[u8]) -> Result<Region, Damaged> {
    let mut reader = Reader::new(row);
    let mut runs = Vec::new();
    let mut at = 0u64;
    while !reader.is_empty() {
        let (count, extra) = (reader.number()?, reader.number()?);
        let extra = u32::try_from(extra).map_err(|_| Damaged("a count is too large"))?;
        let end = at.checked_add(count).filter(|end| (at + 1..=REGION).contains(end));
        at = end.ok_or(Damaged("a region has another length"))?;
        runs.push((at, extra));
    }
    match at {
        REGION => Ok(Region { runs }),
        _ => Err(Damaged("a region has another length")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        assert_eq!(region.runs, [(5, 0), (6, 1), (7, 2), (12, 1), (REGION, 0)]);
        assert_eq!(decode(&encode(region)).as_ref(), Ok(region));
    }

    proptest! {
        #[test]
        fn runs_count_what_each_block_would(
            changes in proptest::collection::vec((0u64..60, 1u64..20, any::<bool>()), 0..60),
        ) {
            let (mut references, mut model) = (References::new(None), [0u32; 80]);
            for (start, count, add) in changes {
                let blocks = start as usize..(start + count) as usize;
                if add {
                    references.add_one(Run::new(start, count)).expect("nothing is stored");
                    model[blocks].iter_mut().for_each(|extra| *extra += 1);
                    continue;
                }
                let freed = references.drop_one(Run::new(start, count)).expect("nothing is stored");
                let freed: Vec<u64> = freed.iter().flat_map(|run| run.start..run.end()).collect();
                let expected = blocks.clone().filter(|at| model[*at] == 0).map(|at| at as u64);
                prop_assert_eq!(freed, expected.collect::<Vec<_>>());
                model[blocks].iter_mut().for_each(|extra| *extra = extra.saturating_sub(1));
            }
            for (at, extra) in (0u64..).zip(model) {
                prop_assert_eq!(references.extra(at).expect("nothing is stored"), extra);
            }
            for region in references.regions.values() {
                prop_assert!(region.runs.windows(2).all(|pair| pair[0].1 != pair[1].1));
            }
        }
    }
}
