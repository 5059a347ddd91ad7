//! One write operation under way: the object before it, and what its steps have made of it so far.
//!
//! Content is always read from `before`; existence and size from `after`. With [`Reading::Strict`]
//! class code that reads back what the same operation wrote is caught: RADOS would show it the old
//! bytes, which nobody wants.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::body::Body;
use crate::op::{CreateMode, ObjectStat, OmapPage};
use crate::ranges::RangeSet;
use crate::{Errno, SnapId, checked};

/// What happens when class code reads what its own operation wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// It sees the old content, as on an OSD.
    Plain,
    /// It panics: the code is wrong.
    Strict,
}

#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) before: Option<Body>,
    pub(super) after: Option<Body>,
    /// Ranges whose bytes may have changed.
    pub(super) modified: RangeSet,
    /// Whether any step had an effect. Without one no clone is made.
    pub(super) effective: bool,
    /// Whether a step removed the object, which ends its watches.
    pub(super) removed: bool,
    /// The newest snapshot that the object has seen, if there is an object or a clone of one.
    pub(super) seq: Option<SnapId>,
    reading: Reading,
    written_xattrs: BTreeSet<String>,
    written_keys: BTreeSet<Bytes>,
}

impl Transaction {
    pub(super) fn new(before: Option<Body>, reading: Reading, seq: Option<SnapId>) -> Transaction {
        Transaction {
            after: before.clone(),
            before,
            modified: RangeSet::new(),
            effective: false,
            removed: false,
            seq,
            reading,
            written_xattrs: BTreeSet::new(),
            written_keys: BTreeSet::new(),
        }
    }

    /// The object as the steps so far made it, created if need be.
    fn body(&mut self) -> &mut Body {
        self.effective = true;
        self.after.get_or_insert_default()
    }

    fn existing(&mut self) -> Result<&mut Body, Errno> {
        self.after.as_mut().ok_or(Errno::NOENT)
    }

    fn size(&self) -> u64 {
        self.after.as_ref().map_or(0, |body| body.data.size())
    }

    pub(super) fn create(&mut self, mode: CreateMode) -> Result<(), Errno> {
        match (mode, &self.after) {
            (CreateMode::Exclusive, Some(_)) => return Err(Errno::EXIST),
            (CreateMode::IfAbsent, Some(_)) => {}
            (_, None) => {
                self.body();
            }
        }
        Ok(())
    }

    pub(super) fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.modified.insert(offset, bytes.len() as u64);
        Arc::make_mut(&mut self.body().data).write(offset, bytes);
    }

    pub(super) fn write_full(&mut self, bytes: &[u8]) {
        self.modified.insert(0, self.size().max(bytes.len() as u64));
        let data = Arc::make_mut(&mut self.body().data);
        data.truncate(0);
        data.write(0, bytes);
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        let size = self.size();
        checked::extent(size, bytes.len() as u64)?;
        self.write(size, bytes);
        Ok(())
    }

    /// Does nothing to an object that is not there or ends before the range.
    pub(super) fn zero(&mut self, offset: u64, length: u64) {
        let size = self.size();
        if offset >= size || length == 0 {
            return;
        }
        if offset.saturating_add(length) >= size {
            return self.truncate(offset);
        }
        self.modified.insert(offset, length);
        Arc::make_mut(&mut self.body().data).zero(offset, length);
    }

    pub(super) fn truncate(&mut self, size: u64) {
        let Some(body) = &mut self.after else { return };
        let old = body.data.size();
        Arc::make_mut(&mut body.data).truncate(size);
        self.modified.insert(size, old.saturating_sub(size));
        self.effective = true;
    }

    pub(super) fn remove(&mut self) -> Result<(), Errno> {
        let size = self.existing()?.data.size();
        self.modified.insert(0, size);
        self.after = None;
        self.effective = true;
        self.removed = true;
        Ok(())
    }

    pub(super) fn set_xattr(&mut self, name: &str, value: Bytes) {
        self.written_xattrs.insert(name.to_owned());
        Arc::make_mut(&mut self.body().xattrs).insert(name.to_owned(), value);
    }

    pub(super) fn remove_xattr(&mut self, name: &str) -> Result<(), Errno> {
        let xattrs = &mut self.existing()?.xattrs;
        Arc::make_mut(xattrs).remove(name);
        self.written_xattrs.insert(name.to_owned());
        self.effective = true;
        Ok(())
    }

    pub(super) fn omap_set(&mut self, entries: Vec<(Bytes, Bytes)>) {
        self.written_keys.extend(entries.iter().map(|(key, _)| key.clone()));
        Arc::make_mut(&mut self.body().omap).extend(entries);
    }

    pub(super) fn omap_remove(&mut self, keys: &[Bytes]) -> Result<(), Errno> {
        let omap = Arc::make_mut(&mut self.existing()?.omap);
        omap.retain(|key, _| !keys.contains(key));
        self.written_keys.extend(keys.iter().cloned());
        self.effective = true;
        Ok(())
    }

    pub(super) fn omap_clear(&mut self) -> Result<(), Errno> {
        let omap = std::mem::take(&mut self.existing()?.omap);
        self.written_keys.extend(omap.keys().cloned());
        self.effective = true;
        Ok(())
    }

    /// Makes sure that the object exists, for steps that only hint.
    pub(super) fn touch(&mut self) {
        self.body();
    }

    pub(super) fn stat(&self) -> Result<ObjectStat, Errno> {
        let after = self.after.as_ref().ok_or(Errno::NOENT)?;
        let old = self.before.as_ref().map(Body::stat).unwrap_or_default();
        Ok(ObjectStat { size: after.data.size(), ..old })
    }

    /// The content that reads see; empty for an object that this operation created.
    fn content(&self) -> Result<Body, Errno> {
        self.after.as_ref().ok_or(Errno::NOENT)?;
        Ok(self.before.clone().unwrap_or_default())
    }

    pub(super) fn read(&self, offset: u64, length: u64) -> Result<Bytes, Errno> {
        let range = RangeSet::from_range(offset, length);
        self.refuse(!self.modified.intersection(&range).is_empty(), || {
            format!("data {offset}~{length}")
        });
        Ok(self.content()?.data.read(offset, length))
    }

    pub(super) fn xattr(&self, name: &str) -> Result<Bytes, Errno> {
        self.refuse(self.written_xattrs.contains(name), || format!("xattr {name}"));
        self.content()?.xattr(name)
    }

    pub(super) fn all_xattrs(&self) -> Result<Vec<(String, Bytes)>, Errno> {
        self.refuse(!self.written_xattrs.is_empty(), || "all xattrs".to_owned());
        Ok(self.content()?.all_xattrs())
    }

    pub(super) fn omap_value(&self, key: &[u8]) -> Result<Bytes, Errno> {
        self.refuse(self.written_keys.contains(key), || format!("omap key {key:?}"));
        self.content()?.omap.get(key).cloned().ok_or(Errno::NOENT)
    }

    pub(super) fn omap_list(
        &self,
        after: Option<&[u8]>,
        prefix: &[u8],
        max: u64,
    ) -> Result<OmapPage, Errno> {
        let page = self.content()?.omap_list(after, prefix, max);
        let last = page.entries.last().filter(|_| page.more).map(|(key, _)| key.clone());
        let covered = |key: &Bytes| {
            key.starts_with(prefix)
                && after.is_none_or(|after| &key[..] > after)
                && last.as_ref().is_none_or(|last| key <= last)
        };
        self.refuse(self.written_keys.iter().any(covered), || format!("omap range {prefix:?}"));
        Ok(page)
    }

    fn refuse(&self, reads_back: bool, what: impl Fn() -> String) {
        if reads_back && self.reading == Reading::Strict {
            panic!(
                "class code reads {} that the same operation wrote: RADOS shows the old",
                what()
            );
        }
    }
}
