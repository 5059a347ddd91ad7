//! What an object is at one moment: data, attributes, omap.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::data::Data;
use crate::op::{ObjectStat, OmapPage, Timestamp};
use crate::{Errno, Version};

/// Cloning shares everything until it is changed.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub(super) data: Arc<Data>,
    pub(super) xattrs: Arc<BTreeMap<String, Bytes>>,
    pub(super) omap: Arc<BTreeMap<Bytes, Bytes>>,
    pub(super) mtime: Timestamp,
    pub(super) version: Version,
}

impl Body {
    pub(super) fn stat(&self) -> ObjectStat {
        ObjectStat { size: self.data.size(), mtime: self.mtime, version: self.version }
    }

    /// `ENODATA` when there is none.
    pub(super) fn xattr(&self, name: &str) -> Result<Bytes, Errno> {
        self.xattrs.get(name).cloned().ok_or(Errno::NODATA)
    }

    pub(super) fn all_xattrs(&self) -> Vec<(String, Bytes)> {
        self.xattrs.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// At most `max` pairs after `after` that begin with `prefix`.
    pub(super) fn omap_list(&self, after: Option<&[u8]>, prefix: &[u8], max: u64) -> OmapPage {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let mut pairs = self
            .omap
            .range::<[u8], _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix));
        let take = usize::try_from(max).unwrap_or(usize::MAX);
        let entries = pairs.by_ref().take(take).map(|(k, v)| (k.clone(), v.clone())).collect();
        OmapPage { entries, more: pairs.next().is_some() }
    }

    /// The first byte at or after `offset` where the data differs from `expected`; beyond the end
    /// all is zero.
    pub(super) fn mismatch(&self, offset: u64, expected: &[u8]) -> Option<u64> {
        let found = self.data.read(offset, expected.len() as u64);
        let bytes = found.iter().copied().chain(std::iter::repeat(0));
        let index = expected.iter().zip(bytes).position(|(left, right)| *left != right)?;
        Some(offset + index as u64)
    }
}
