//! One operation under way: the object before it, and what its steps have made of it so far.
//!
//! Content is read from before the operation, existence and size from after the steps so far.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use marcot_store::op::{CreateMode, ObjectStat, OmapPage};
use marcot_store::{Errno, SnapId, checked};

use super::content::{Content, ReadFailure, read_extent};
use super::edits::Edits;
use super::{Failure, OMAP_PAGE};
use crate::layout::Item;
use crate::meta::MetaError;
use crate::object::{BlockMap, Body, Object};

/// The object as an operation sees and changes it.
#[derive(Debug)]
pub(crate) struct Scratch<'a> {
    pub content: Content<'a>,
    pub meta: crate::object::Stored<'a>,
    pub before: Option<&'a Body>,
    pub exists: bool,
    /// The newest snapshot that the object has seen, if there is an object or a clone of one.
    pub seq: Option<SnapId>,
    pub edits: Edits,
    /// Blocks of other objects that this one takes over, by their place in this one.
    pub taken: BlockMap,
    /// Changes of attributes and omap, in order.
    pub attributes: Vec<Item>,
    pub restore: Option<SnapId>,
    /// Whether any step had an effect. Without one nothing is written and no clone is made.
    pub effective: bool,
    /// Whether a step removed the object: what it was before no longer shows.
    pub removed: bool,
}

impl<'a> Scratch<'a> {
    /// On a body: an object's head, or what it was at a snapshot.
    pub(crate) fn new(
        content: Content<'a>,
        meta: crate::object::Stored<'a>,
        object: &'a Object,
        clone: Option<SnapId>,
    ) -> Scratch<'a> {
        let before = object.body(clone);
        let size = before.map_or(0, |body| body.size);
        Scratch {
            content,
            meta,
            exists: before.is_some(),
            seq: (before.is_some() || !object.snaps.clones.is_empty()).then_some(object.snaps.seq),
            before,
            edits: Edits { size, ..Edits::default() },
            taken: BlockMap::default(),
            attributes: Vec::new(),
            restore: None,
            effective: false,
            removed: false,
        }
    }

    /// What the blocks of the object were before the edits: once it has been removed, and on a
    /// new object, only what was taken over.
    pub(crate) fn base(&self) -> Cow<'a, Body> {
        match self.before {
            Some(before) if !self.removed => Cow::Borrowed(before),
            _ => Cow::Owned(Body { blocks: self.taken.clone(), ..Body::default() }),
        }
    }

    /// Makes sure that the object exists.
    pub(crate) fn touch(&mut self) {
        self.exists = true;
        self.effective = true;
    }

    fn existing(&self) -> Result<(), Errno> {
        if self.exists { Ok(()) } else { Err(Errno::NOENT) }
    }

    pub(crate) fn create(&mut self, mode: CreateMode) -> Result<(), Errno> {
        match (mode, self.exists) {
            (CreateMode::Exclusive, true) => return Err(Errno::EXIST),
            (CreateMode::IfAbsent, true) => {}
            (_, false) => self.touch(),
        }
        Ok(())
    }

    pub(crate) fn write(&mut self, offset: u64, data: Bytes) {
        self.touch();
        self.edits.write(offset, data);
    }

    pub(crate) fn write_full(&mut self, data: Bytes) {
        self.touch();
        self.edits.write_full(data);
    }

    pub(crate) fn append(&mut self, data: Bytes) -> Result<(), Errno> {
        let size = if self.exists { self.edits.size } else { 0 };
        checked::extent(size, data.len() as u64)?;
        match data.is_empty() {
            true => self.touch(),
            false => self.write(size, data),
        }
        Ok(())
    }

    pub(crate) fn zero(&mut self, offset: u64, length: u64) {
        if self.exists && offset < self.edits.size && length > 0 {
            self.effective = true;
            self.edits.zero(offset, length);
        }
    }

    pub(crate) fn truncate(&mut self, size: u64) {
        if self.exists {
            self.effective = true;
            self.edits.truncate(size);
        }
    }

    pub(crate) fn remove(&mut self) -> Result<(), Errno> {
        self.existing()?;
        self.edits.remove();
        self.taken = BlockMap::default();
        self.attributes.clear();
        self.exists = false;
        self.effective = true;
        self.removed = true;
        Ok(())
    }

    /// Adds a change of an attribute or of the omap; all but setting want the object to exist.
    pub(crate) fn change_attribute(&mut self, item: Item) -> Result<(), Errno> {
        match item {
            Item::SetXattr { .. } | Item::OmapSet { .. } => self.touch(),
            _ => self.existing()?,
        }
        self.effective = true;
        self.attributes.push(item);
        Ok(())
    }

    pub(crate) fn stat(&self) -> Result<ObjectStat, Errno> {
        self.existing()?;
        let before = self.before;
        Ok(ObjectStat {
            size: self.edits.size,
            mtime: before.map(|body| body.mtime).unwrap_or_default(),
            version: before.map(|body| body.version).unwrap_or_default(),
        })
    }

    /// The content that reads see, empty for an object that this operation created.
    fn shown(&self) -> Result<Option<&Body>, Errno> {
        self.existing()?;
        Ok(self.before)
    }

    pub(crate) fn read(&self, offset: u64, length: u64) -> Result<Bytes, Failure> {
        match self.shown()? {
            Some(body) => Ok(read_extent(self.content, body, offset, length)?),
            None => Ok(Bytes::new()),
        }
    }

    /// Fails with the first byte at which the content differs; beyond its end all is zero.
    pub(crate) fn compare(&self, offset: u64, data: &[u8]) -> Result<(), Failure> {
        let found = match &self.before {
            Some(body) => read_extent(self.content, body, offset, data.len() as u64)?,
            None => Bytes::new(),
        };
        first_difference(&found, data).map_or(Ok(()), |at| Err(Failure::Mismatch(offset + at)))
    }

    pub(crate) fn xattr(&self, name: &str) -> Result<Bytes, Errno> {
        self.shown()?.and_then(|body| body.xattrs.get(name).cloned()).ok_or(Errno::NODATA)
    }

    pub(crate) fn xattrs(&self) -> Result<Vec<(String, Bytes)>, Errno> {
        let xattrs = self.shown()?.map(|body| &*body.xattrs);
        let pairs = xattrs.into_iter().flatten();
        Ok(pairs.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    pub(crate) fn omap_value(&self, key: &[u8]) -> Result<Bytes, Failure> {
        let value = match self.shown()? {
            Some(body) => body.omap.get(self.meta, key)?,
            None => None,
        };
        value.ok_or(Failure::Errno(Errno::NOENT))
    }

    pub(crate) fn omap_list(
        &self,
        after: Option<&[u8]>,
        prefix: &[u8],
        max: u64,
    ) -> Result<OmapPage, Failure> {
        match self.shown()? {
            Some(body) => Ok(body.omap.list(self.meta, after, prefix, max.min(OMAP_PAGE))?),
            None => Ok(OmapPage::default()),
        }
    }

    pub(crate) fn omap_get(&self, keys: &[Bytes]) -> Result<OmapPage, Failure> {
        let distinct: BTreeMap<&Bytes, ()> = keys.iter().map(|key| (key, ())).collect();
        let mut page = OmapPage::default();
        for key in distinct.into_keys() {
            match self.omap_value(key) {
                Ok(value) => page.entries.push((key.clone(), value)),
                Err(Failure::Errno(Errno::NOENT)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(page)
    }
}

/// Where `expected` first differs from `found`, which zeros follow.
pub(crate) fn first_difference(found: &[u8], expected: &[u8]) -> Option<u64> {
    let bytes = found.iter().copied().chain(std::iter::repeat(0));
    if expected.get(..found.len()) == Some(found) && expected.len() == found.len() {
        return None;
    }
    expected.iter().zip(bytes).position(|(left, right)| *left != right).map(|at| at as u64)
}

impl From<ReadFailure> for Failure {
    fn from(failure: ReadFailure) -> Failure {
        Failure::Read(failure)
    }
}

impl From<MetaError> for Failure {
    fn from(error: MetaError) -> Failure {
        Failure::Meta(error)
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure::Errno(errno)
    }
}
