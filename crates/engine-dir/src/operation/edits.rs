//! Changes of an object's bytes, in the order in which an operation's steps made them.

use bytes::Bytes;
use marcot_store::ranges::RangeSet;

/// One change of bytes.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Data { offset: u64, data: Bytes },
    Zero { offset: u64, length: u64 },
}

impl Edit {
    pub(crate) fn start(&self) -> u64 {
        match self {
            Edit::Data { offset, .. } | Edit::Zero { offset, .. } => *offset,
        }
    }

    pub(crate) fn end(&self) -> u64 {
        match self {
            Edit::Data { offset, data } => offset + data.len() as u64,
            Edit::Zero { offset, length } => offset + length,
        }
    }

    pub(crate) fn overlaps(&self, start: u64, end: u64) -> bool {
        self.start() < end && start < self.end()
    }

    pub(crate) fn covers(&self, start: u64, end: u64) -> bool {
        self.start() <= start && end <= self.end()
    }
}

/// All changes of an operation's data, and the size that they lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edits {
    pub list: Vec<Edit>,
    pub size: u64,
    /// Ranges whose bytes may have changed.
    pub modified: RangeSet,
}

impl Edits {
    pub(crate) fn write(&mut self, offset: u64, data: Bytes) {
        self.modified.insert(offset, data.len() as u64);
        self.size = self.size.max(offset + data.len() as u64);
        self.list.push(Edit::Data { offset, data });
    }

    pub(crate) fn write_full(&mut self, data: Bytes) {
        self.modified.insert(0, self.size.max(data.len() as u64));
        self.list.push(Edit::Zero { offset: 0, length: self.size });
        self.size = data.len() as u64;
        self.list.push(Edit::Data { offset: 0, data });
    }

    /// Nothing beyond the end; a range that reaches the end cuts the object.
    pub(crate) fn zero(&mut self, offset: u64, length: u64) {
        if offset.saturating_add(length) >= self.size {
            return self.truncate(offset);
        }
        self.modified.insert(offset, length);
        self.list.push(Edit::Zero { offset, length });
    }

    pub(crate) fn truncate(&mut self, size: u64) {
        let cut = self.size.saturating_sub(size);
        if cut > 0 {
            self.modified.insert(size, cut);
            self.list.push(Edit::Zero { offset: size, length: cut });
        }
        self.size = size;
    }

    /// The bytes of an object that is gone.
    pub(crate) fn remove(&mut self) {
        self.modified.insert(0, self.size);
        self.list.clear();
        self.size = 0;
    }
}
