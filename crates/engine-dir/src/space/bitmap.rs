//! One bit for each block of the store file, in pages that are loaded when they are needed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::layout::Damaged;
use crate::meta::{MetaChange, MetaError, MetaStore, Table};
use crate::units::Run;

/// Blocks that a page covers: 128 MiB of the file in 4 KiB of bits.
pub(crate) const PAGE_BLOCKS: u64 = 32768;
const WORDS: usize = (PAGE_BLOCKS / 64) as usize;

#[derive(Clone, Debug)]
struct Page {
    words: Box<[u64; WORDS]>,
    used: u64,
}

/// The bitmap.
#[derive(Debug)]
pub(crate) struct Bitmap {
    meta: Option<Arc<dyn MetaStore>>,
    pages: BTreeMap<u64, Page>,
    dirty: BTreeSet<u64>,
    /// Bits set in each page as the last checkpoint stored it.
    stored: BTreeMap<u64, u64>,
    /// Bits set in all pages, loaded or not.
    used: u64,
    /// From here on nothing has ever been in use.
    frontier: u64,
}

impl Bitmap {
    pub(crate) fn new(meta: Option<Arc<dyn MetaStore>>) -> Bitmap {
        let (pages, dirty, stored) = Default::default();
        Bitmap { meta, pages, dirty, stored, used: 0, frontier: 0 }
    }

    /// What a checkpoint said of the pages it stored.
    pub(crate) fn restore(&mut self, stored: BTreeMap<u64, u64>, frontier: u64) {
        self.used = stored.values().sum();
        self.frontier = frontier;
        self.stored = stored;
    }

    /// What the next opener needs to know of the pages.
    pub(crate) fn summary(&self) -> (&BTreeMap<u64, u64>, u64) {
        (&self.stored, self.frontier)
    }

    /// From now on pages are loaded from there.
    pub(crate) fn attach(&mut self, meta: &Arc<dyn MetaStore>) {
        self.meta.get_or_insert_with(|| Arc::clone(meta));
    }

    pub(super) fn mark_dirty(&mut self, page: u64) {
        self.dirty.insert(page);
    }

    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    pub(crate) fn frontier(&self) -> u64 {
        self.frontier
    }

    fn load(&mut self, number: u64) -> Result<&mut Page, MetaError> {
        if !self.pages.contains_key(&number) {
            let mut page = Page { words: Box::new([0; WORDS]), used: 0 };
            if let (Some(meta), true) = (&self.meta, self.stored.contains_key(&number)) {
                let row = meta.get(Table::Bitmap, &number.to_be_bytes())?;
                let row = row.ok_or(Damaged("a page of the bitmap is missing"))?;
                if row.len() != WORDS * 8 {
                    return Err(Damaged("a page of the bitmap has another length").into());
                }
                for (word, bytes) in page.words.iter_mut().zip(row.chunks_exact(8)) {
                    *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
                }
                page.used = page.words.iter().map(|word| u64::from(word.count_ones())).sum();
            }
            self.pages.insert(number, page);
        }
        Ok(self.pages.get_mut(&number).expect("it was put there if it was missing"))
    }

    /// Calls `change` with each word that the run touches and the bits in it.
    fn for_words(
        &mut self,
        run: Run,
        mut change: impl FnMut(&mut u64, u64),
    ) -> Result<(), MetaError> {
        let mut at = run.start;
        while at < run.end() {
            let number = at / PAGE_BLOCKS;
            let page = self.load(number)?;
            let before = page.used;
            let end = run.end().min((number + 1) * PAGE_BLOCKS);
            while at < end {
                let (word, bit) = ((at % PAGE_BLOCKS / 64) as usize, at % 64);
                let count = (64 - bit).min(end - at);
                let mask = (u64::MAX >> (64 - count)) << bit;
                let word = &mut page.words[word];
                let ones = word.count_ones();
                change(word, mask);
                page.used = page.used + u64::from(word.count_ones()) - u64::from(ones);
                at += count;
            }
            let after = page.used;
            self.used = self.used + after - before;
        }
        Ok(())
    }

    /// Marks blocks as in use.
    pub(crate) fn set(&mut self, run: Run) -> Result<(), MetaError> {
        self.for_words(run, |word, mask| *word |= mask)?;
        self.frontier = self.frontier.max(run.end());
        self.touch(run)
    }

    /// Marks blocks as free. What is stored has been so since the record that freed them.
    pub(crate) fn clear(&mut self, run: Run) -> Result<(), MetaError> {
        self.for_words(run, |word, mask| *word &= !mask)?;
        self.touch(run)
    }

    /// The pages of the run go into the next checkpoint.
    pub(crate) fn touch(&mut self, run: Run) -> Result<(), MetaError> {
        let end = run.end().max(run.start + 1);
        for number in run.start / PAGE_BLOCKS..=(end - 1) / PAGE_BLOCKS {
            self.load(number)?;
            self.dirty.insert(number);
        }
        Ok(())
    }

    pub(crate) fn is_set(&mut self, block: u64) -> Result<bool, MetaError> {
        let page = self.load(block / PAGE_BLOCKS)?;
        Ok(page.words[(block % PAGE_BLOCKS / 64) as usize] >> (block % 64) & 1 == 1)
    }

    /// The first free run at or after `from`, before `to`, of at most `most` blocks.
    pub(crate) fn find_first(
        &mut self,
        from: u64,
        to: u64,
        most: u64,
    ) -> Result<Option<Run>, MetaError> {
        let Some(start) = self.next(from, to, Bit::Free)? else { return Ok(None) };
        let most = most.min(to - start);
        let end = self.next(start, start + most, Bit::Used)?.unwrap_or(start + most);
        Ok(Some(Run::new(start, end - start)))
    }

    /// The first run of `count` free blocks between `from` and `to`.
    pub(crate) fn find_together(
        &mut self,
        from: u64,
        to: u64,
        count: u64,
    ) -> Result<Option<Run>, MetaError> {
        let mut at = from;
        while let Some(start) = self.next(at, to, Bit::Free)? {
            if start + count > to {
                return Ok(None);
            }
            match self.next(start, start + count, Bit::Used)? {
                None => return Ok(Some(Run::new(start, count))),
                Some(used) => at = used,
            }
        }
        Ok(None)
    }

    fn next(&mut self, from: u64, to: u64, wanted: Bit) -> Result<Option<u64>, MetaError> {
        let mut at = from;
        while at < to {
            let number = at / PAGE_BLOCKS;
            let page_end = (number + 1) * PAGE_BLOCKS;
            let full = self.pages.get(&number).map_or_else(
                || self.stored.get(&number) == Some(&PAGE_BLOCKS),
                |page| page.used == PAGE_BLOCKS,
            );
            if full && wanted == Bit::Free {
                at = page_end;
                continue;
            }
            let page = self.load(number)?;
            while at < page_end.min(to) {
                let word = page.words[(at % PAGE_BLOCKS / 64) as usize];
                let word = if wanted == Bit::Free { !word } else { word };
                let rest = word >> (at % 64);
                if rest != 0 {
                    let found = at + u64::from(rest.trailing_zeros());
                    return Ok((found < to).then_some(found));
                }
                at = (at / 64 + 1) * 64;
            }
        }
        Ok(None)
    }

    /// The rows of the pages that have changed, with the bits of `absent` clear.
    pub(super) fn freeze(&mut self, absent: impl Iterator<Item = Run>) -> Vec<MetaChange> {
        let dirty = std::mem::take(&mut self.dirty);
        let copies = dirty.iter().filter_map(|n| Some((*n, self.pages.get(n)?.clone())));
        let (pages, used, frontier) = (copies.collect(), 0, self.frontier);
        let mut frozen = Bitmap {
            meta: None,
            pages,
            dirty: BTreeSet::new(),
            stored: BTreeMap::new(),
            used,
            frontier,
        };
        frozen.used = frozen.pages.values().map(|page| page.used).sum();
        for run in absent {
            frozen.clear_loaded(run);
        }
        let mut changes = Vec::with_capacity(dirty.len());
        for (number, page) in &frozen.pages {
            let value = page.words.iter().flat_map(|word| word.to_le_bytes()).collect();
            let key = number.to_be_bytes().to_vec();
            changes.push(MetaChange::Put { table: Table::Bitmap, key, value });
            self.stored.insert(*number, page.used);
        }
        changes
    }

    fn clear_loaded(&mut self, run: Run) {
        let mut at = run.start;
        while at < run.end() {
            let number = at / PAGE_BLOCKS;
            let end = run.end().min((number + 1) * PAGE_BLOCKS);
            if self.pages.contains_key(&number) {
                let cleared = self.for_words(Run::new(at, end - at), |word, mask| *word &= !mask);
                debug_assert!(cleared.is_ok(), "the page is loaded");
            }
            at = end;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bit {
    Free,
    Used,
}
