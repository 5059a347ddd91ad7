//! An object's omap: changed keys in memory over what the last checkpoint stored.
//!
//! A change stays in memory until a checkpoint that holds it is durable, so a look-up never
//! depends on how far a running checkpoint has come.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use marcot_store::op::OmapPage;

use crate::meta::{MetaError, MetaStore, Table};

/// A changed key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    /// `None`: removed.
    pub value: Option<Bytes>,
    /// The record that changed it.
    pub seq: u64,
}

/// The omap of one body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Omap {
    /// Under which number its keys are stored; 0 until it has had any. Never used twice.
    pub number: u64,
    /// Whether a checkpoint may hold keys under that number.
    pub stored: bool,
    pub changed: Arc<BTreeMap<Bytes, Changed>>,
}

/// Where stored keys are looked up.
pub(crate) type Stored<'a> = Option<&'a dyn MetaStore>;

impl Omap {
    /// The number of an omap that a head gets by the record `seq`.
    pub(crate) fn head_number(seq: u64) -> u64 {
        seq * 2
    }

    /// The number of an omap that a clone gets by the record `seq`.
    pub(crate) fn clone_number(seq: u64) -> u64 {
        seq * 2 + 1
    }

    pub(crate) fn set(&mut self, key: Bytes, value: Option<Bytes>, seq: u64) {
        if self.number == 0 {
            self.number = Omap::head_number(seq);
        }
        Arc::make_mut(&mut self.changed).insert(key, Changed { value, seq });
    }

    pub(crate) fn get(&self, meta: Stored<'_>, key: &[u8]) -> Result<Option<Bytes>, MetaError> {
        match (self.changed.get(key), meta) {
            (Some(changed), _) => Ok(changed.value.clone()),
            (None, Some(meta)) if self.stored => {
                meta.get(Table::Omap, &crate::layout::omap_key(self.number, key))
            }
            (None, _) => Ok(None),
        }
    }

    /// Up to `max` pairs after `after` whose keys begin with `prefix`.
    pub(crate) fn list(
        &self,
        meta: Stored<'_>,
        after: Option<&[u8]>,
        prefix: &[u8],
        max: u64,
    ) -> Result<OmapPage, MetaError> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let mut entries = Vec::new();
        let mut cursor = Cursor { omap: self, meta, page: Vec::new(), more: self.stored };
        let mut after = after.filter(|after| *after >= prefix).map(Bytes::copy_from_slice);
        while let Some((key, value)) = cursor.next(after.as_ref(), prefix)? {
            if let Some(value) = value {
                if entries.len() == max {
                    return Ok(OmapPage { entries, more: true });
                }
                entries.push((key.clone(), value));
            }
            after = Some(key);
        }
        Ok(OmapPage { entries, more: false })
    }
}

/// Merges stored and changed keys in order.
struct Cursor<'a> {
    omap: &'a Omap,
    meta: Stored<'a>,
    /// Stored pairs not yet passed, last one first.
    page: Vec<(Bytes, Bytes)>,
    more: bool,
}

const PAGE: usize = 256;

impl Cursor<'_> {
    fn next(
        &mut self,
        after: Option<&Bytes>,
        prefix: &[u8],
    ) -> Result<Option<(Bytes, Option<Bytes>)>, MetaError> {
        self.fill(after, prefix)?;
        let from = match after {
            Some(after) => Bound::Excluded(&after[..]),
            None => Bound::Included(prefix),
        };
        let mut changed = self.omap.changed.range::<[u8], _>((from, Bound::Unbounded));
        let changed = changed.next().filter(|(key, _)| key.starts_with(prefix));
        let stored = self.page.last();
        Ok(match (changed, stored) {
            (Some((key, change)), Some((stored, _))) if key <= stored => {
                Some((key.clone(), change.value.clone()))
            }
            (Some((key, change)), None) => Some((key.clone(), change.value.clone())),
            (_, Some((key, value))) => Some((key.clone(), Some(value.clone()))),
            (None, None) => None,
        })
    }

    /// Drops what `after` has passed and loads the next page when none is left.
    fn fill(&mut self, after: Option<&Bytes>, prefix: &[u8]) -> Result<(), MetaError> {
        while self.page.last().is_some_and(|(key, _)| after.is_some_and(|after| key <= after)) {
            self.page.pop();
        }
        let (true, true, Some(meta)) = (self.page.is_empty(), self.more, self.meta) else {
            return Ok(());
        };
        let number = self.omap.number;
        let stored = |key: &[u8]| crate::layout::omap_key(number, key);
        let from = match after {
            Some(after) => Bound::Excluded(stored(after)),
            None => Bound::Included(stored(prefix)),
        };
        let found = meta.range(Table::Omap, from, &stored(prefix), PAGE)?;
        self.more = found.len() == PAGE;
        let pairs = found.into_iter().map(|(key, value)| (key.slice(8..), value));
        self.page = pairs.collect();
        self.page.reverse();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lists_in_order_a_page_at_a_time() {
        let mut omap = Omap::default();
        for (seq, key) in ["b", "aa", "ac", "ab"].into_iter().enumerate() {
            omap.set(Bytes::from(key), Some(Bytes::from(key)), seq as u64 + 1);
        }
        omap.set(Bytes::from("ab"), None, 9);
        let keys =
            |page: &OmapPage| page.entries.iter().map(|(key, _)| key.to_vec()).collect::<Vec<_>>();
        let first = omap.list(None, None, b"a", 1).expect("nothing is stored");
        assert_eq!((keys(&first), first.more), (vec![b"aa".to_vec()], true));
        let rest = omap.list(None, Some(b"aa"), b"a", 9).expect("nothing is stored");
        assert_eq!((keys(&rest), rest.more), (vec![b"ac".to_vec()], false));
    }
}
