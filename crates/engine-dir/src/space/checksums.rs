//! The checksum of each block in use, by where the block lies: written once, however many objects
//! share it.
//!
//! Pages of 960 blocks, those of the last checkpoint read as they are needed. A block's checksum
//! changes only with its content, when the block has been free in between: whoever may read the
//! block may ask for its checksum, with or without the core locked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::layout::Damaged;
use crate::meta::{MetaChange, MetaError, MetaStore, Table};
use crate::units::Run;

/// Blocks of a page: a row fits, with its key, a page of the database (4096 bytes).
const PAGE: usize = 960;
/// Clean pages beyond this many (60 MiB) are forgotten, the least recently used first.
const KEPT: usize = 16384;

#[derive(Clone, Debug)]
struct Page {
    sums: [u32; PAGE],
    /// Which of them are in memory, one bit each; the rest is in the stored row, if anywhere.
    known: [u64; PAGE / 64],
}

impl Page {
    fn empty() -> Page {
        Page { sums: [0; PAGE], known: [0; PAGE / 64] }
    }

    fn knows(&self, at: usize) -> bool {
        self.known[at / 64] >> (at % 64) & 1 == 1
    }

    fn learn(&mut self, at: usize, sum: u32) {
        self.sums[at] = sum;
        self.known[at / 64] |= 1 << (at % 64);
    }

    /// Takes from the stored row what memory does not know better.
    fn fill(&mut self, row: &[u8]) -> Result<(), Damaged> {
        let (sums, rest) = row.as_chunks();
        if sums.len() != PAGE || !rest.is_empty() {
            return Err(Damaged("a page of checksums has another length"));
        }
        for (at, sum) in sums.iter().enumerate() {
            if !self.knows(at) {
                self.learn(at, u32::from_le_bytes(*sum));
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Slot {
    page: Arc<Page>,
    /// The last record that changed it since a checkpoint; 0 when the stored row has all of it.
    changed: u64,
    used: u64,
}

#[derive(Debug, Default)]
struct Pages {
    meta: Option<Arc<dyn MetaStore>>,
    slots: HashMap<u64, Slot>,
    changed: usize,
    clock: u64,
    /// How many checkpoints have been stored.
    checkpoints: u64,
}

/// The checksums of all blocks in use.
#[derive(Debug)]
pub(crate) struct Checksums {
    pages: Mutex<Pages>,
}

/// Changed pages as they were at one record.
#[derive(Debug)]
pub(crate) struct FrozenChecksums(Vec<(u64, Arc<Page>)>);

/// The part of a run in each page: its number, the place in it, how many blocks.
fn parts(run: Run) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut at = run.start;
    std::iter::from_fn(move || {
        let (number, within) = (at / PAGE as u64, (at % PAGE as u64) as usize);
        let count = (PAGE - within).min((run.end() - at) as usize);
        at += count as u64;
        (count > 0).then_some((number, within, count))
    })
}

impl Checksums {
    pub(crate) fn new(meta: Option<Arc<dyn MetaStore>>) -> Checksums {
        Checksums { pages: Mutex::new(Pages { meta, ..Pages::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on pages are read from there.
    pub(crate) fn attach(&self, meta: &Arc<dyn MetaStore>) {
        self.lock().meta.get_or_insert_with(|| Arc::clone(meta));
    }

    /// Record `seq` has put data with these checksums there.
    pub(crate) fn set(&self, run: Run, sums: &[u32], seq: u64) {
        debug_assert_eq!(run.count, sums.len() as u64);
        let mut pages = self.lock();
        let mut rest = sums;
        for (number, within, count) in parts(run) {
            let (of_page, behind) = rest.split_at(count);
            rest = behind;
            let slot = pages.slot(number);
            let page = Arc::make_mut(&mut slot.page);
            of_page.iter().enumerate().for_each(|(at, sum)| page.learn(within + at, *sum));
            let newly = std::mem::replace(&mut slot.changed, seq) == 0;
            pages.changed += usize::from(newly);
        }
    }

    /// Appends the checksums of the run if all are in memory, and tells whether.
    pub(crate) fn known(&self, run: Run, into: &mut Vec<u32>) -> bool {
        self.lock().missing(run, into).is_none()
    }

    /// Appends the checksums of the run; reads what is not in memory.
    pub(crate) fn load(&self, run: Run, into: &mut Vec<u32>) -> Result<(), MetaError> {
        loop {
            let (number, meta, checkpoints) = {
                let mut pages = self.lock();
                let Some(number) = pages.missing(run, into) else { return Ok(()) };
                (number, pages.meta.clone(), pages.checkpoints)
            };
            let row = read(meta.as_deref(), number)?;
            let mut pages = self.lock();
            // A checkpoint that came between has a newer row.
            if pages.checkpoints == checkpoints {
                let row = row.ok_or(Damaged("the checksums of a block in use are missing"))?;
                Arc::make_mut(&mut pages.slot(number).page).fill(&row)?;
            }
        }
    }

    pub(crate) fn freeze(&self) -> FrozenChecksums {
        let pages = self.lock();
        let changed = pages.slots.iter().filter(|(_, slot)| slot.changed > 0);
        FrozenChecksums(changed.map(|(number, slot)| (*number, Arc::clone(&slot.page))).collect())
    }

    /// A checkpoint that holds everything up to `seq` is durable.
    pub(crate) fn stored(&self, seq: u64) {
        let mut pages = self.lock();
        pages.checkpoints += 1;
        for slot in pages.slots.values_mut().filter(|slot| slot.changed <= seq) {
            slot.changed = 0;
        }
        pages.changed = pages.slots.values().filter(|slot| slot.changed > 0).count();
    }
}

fn read(meta: Option<&dyn MetaStore>, page: u64) -> Result<Option<Bytes>, MetaError> {
    meta.map_or(Ok(None), |meta| meta.get(Table::Checksums, &page.to_be_bytes()))
}

impl Pages {
    /// Appends the checksums of the run; if one is not in memory, nothing, and yields its page.
    fn missing(&mut self, run: Run, into: &mut Vec<u32>) -> Option<u64> {
        let before = into.len();
        self.clock += 1;
        for (number, within, count) in parts(run) {
            let all = within..within + count;
            match self.slots.get_mut(&number) {
                Some(slot) if all.clone().all(|at| slot.page.knows(at)) => {
                    slot.used = self.clock;
                    into.extend_from_slice(&slot.page.sums[all]);
                }
                _ => {
                    into.truncate(before);
                    return Some(number);
                }
            }
        }
        None
    }

    /// The page, an empty one if it is not in memory.
    fn slot(&mut self, number: u64) -> &mut Slot {
        self.clock += 1;
        if !self.slots.contains_key(&number) {
            self.make_room();
        }
        let used = self.clock;
        let empty = || Slot { page: Arc::new(Page::empty()), changed: 0, used };
        let slot = self.slots.entry(number).or_insert_with(empty);
        slot.used = used;
        slot
    }

    fn make_room(&mut self) {
        if self.slots.len() < KEPT + self.changed {
            return;
        }
        // One sweep drops the older half, so that sweeps are rare.
        let mut ages: Vec<u64> = self.slots.values().map(|slot| slot.used).collect();
        let middle = ages.len() / 2;
        let oldest = *ages.select_nth_unstable(middle).1;
        self.slots.retain(|_, slot| slot.changed > 0 || slot.used > oldest);
    }
}

impl FrozenChecksums {
    /// The rows to store: what memory knows of a page, and what the last checkpoint has of the rest.
    pub(crate) fn rows(
        &self,
        meta: &dyn MetaStore,
        rows: &mut Vec<MetaChange>,
    ) -> Result<(), MetaError> {
        for (number, page) in &self.0 {
            let mut page = Arc::clone(page);
            if page.known.iter().any(|word| *word != u64::MAX)
                && let Some(stored) = read(Some(meta), *number)?
            {
                Arc::make_mut(&mut page).fill(&stored)?;
            }
            let value = page.sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
            let key = number.to_be_bytes().to_vec();
            rows.push(MetaChange::Put { table: Table::Checksums, key, value });
        }
        Ok(())
    }
}
