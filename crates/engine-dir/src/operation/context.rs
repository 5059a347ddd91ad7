//! The object as a class method sees it.

use bytes::Bytes;
use marcot_store::class::{MethodKind, ObjectContext};
use marcot_store::op::{CreateMode, ObjectStat, OmapPage, Timestamp};
use marcot_store::{ClientAddress, ClientId, Errno, SnapId, checked};

use super::{Failure, Scratch};
use crate::layout::Item;

/// Who calls, and when.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub client: ClientId,
    pub address: ClientAddress,
    pub now: Timestamp,
    /// Of the object, when a method runs on it.
    pub watchers: Vec<(ClientId, ClientAddress)>,
}

pub(crate) struct MethodContext<'s, 'a> {
    pub scratch: &'s mut Scratch<'a>,
    pub caller: &'s Caller,
    pub kind: MethodKind,
    /// What a method is told is an errno; the words of a damaged block are kept here.
    pub failure: Option<Failure>,
}

impl<'a> MethodContext<'_, 'a> {
    /// A method registered as reading must not write (`EPERM`).
    fn writing(&mut self) -> Result<&mut Scratch<'a>, Errno> {
        match self.kind {
            MethodKind::Write => Ok(self.scratch),
            MethodKind::Read => Err(Errno::PERM),
        }
    }

    fn told<T>(&mut self, result: Result<T, Failure>) -> Result<T, Errno> {
        result.map_err(|failure| {
            let errno = failure.errno();
            if !matches!(failure, Failure::Errno(_)) {
                self.failure = Some(failure);
            }
            errno
        })
    }
}

impl ObjectContext for MethodContext<'_, '_> {
    fn stat(&mut self) -> Result<ObjectStat, Errno> {
        self.scratch.stat()
    }

    fn read(&mut self, offset: u64, length: u64) -> Result<Bytes, Errno> {
        let read = self.scratch.read(offset, length);
        self.told(read)
    }

    fn xattr(&mut self, name: &str) -> Result<Bytes, Errno> {
        self.scratch.xattr(name)
    }

    fn xattrs(&mut self) -> Result<Vec<(String, Bytes)>, Errno> {
        self.scratch.xattrs()
    }

    fn omap_value(&mut self, key: &[u8]) -> Result<Bytes, Errno> {
        let value = self.scratch.omap_value(key);
        self.told(value)
    }

    fn omap_list(
        &mut self,
        after: Option<&[u8]>,
        prefix: &[u8],
        max: u64,
    ) -> Result<OmapPage, Errno> {
        let page = self.scratch.omap_list(after, prefix, max);
        self.told(page)
    }

    fn create(&mut self, mode: CreateMode) -> Result<(), Errno> {
        self.writing()?.create(mode)
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), Errno> {
        checked::extent(offset, data.len() as u64)?;
        self.writing()?.write(offset, Bytes::copy_from_slice(data));
        Ok(())
    }

    fn write_full(&mut self, data: &[u8]) -> Result<(), Errno> {
        checked::extent(0, data.len() as u64)?;
        self.writing()?.write_full(Bytes::copy_from_slice(data));
        Ok(())
    }

    fn truncate(&mut self, size: u64) -> Result<(), Errno> {
        checked::extent(0, size)?;
        self.writing()?.truncate(size);
        Ok(())
    }

    fn zero(&mut self, offset: u64, length: u64) -> Result<(), Errno> {
        checked::extent(offset, length)?;
        self.writing()?.zero(offset, length);
        Ok(())
    }

    fn remove(&mut self) -> Result<(), Errno> {
        self.writing()?.remove()
    }

    fn set_xattr(&mut self, name: &str, value: &[u8]) -> Result<(), Errno> {
        let (name, value) = (name.to_owned(), Bytes::copy_from_slice(value));
        self.writing()?.change_attribute(Item::SetXattr { name, value })
    }

    fn remove_xattr(&mut self, name: &str) -> Result<(), Errno> {
        self.writing()?.change_attribute(Item::RemoveXattr { name: name.to_owned() })
    }

    fn omap_set(&mut self, entries: Vec<(Bytes, Bytes)>) -> Result<(), Errno> {
        let scratch = self.writing()?;
        scratch.touch();
        let mut items = entries.into_iter().map(|(key, value)| Item::OmapSet { key, value });
        items.try_for_each(|item| scratch.change_attribute(item))
    }

    fn omap_remove(&mut self, keys: Vec<Bytes>) -> Result<(), Errno> {
        let scratch = self.writing()?;
        scratch.stat()?;
        let mut items = keys.into_iter().map(|key| Item::OmapRemove { key });
        items.try_for_each(|item| scratch.change_attribute(item))
    }

    fn caller(&self) -> (ClientId, ClientAddress) {
        (self.caller.client, self.caller.address.clone())
    }

    fn watchers(&self) -> &[(ClientId, ClientAddress)] {
        &self.caller.watchers
    }

    fn now(&self) -> Timestamp {
        self.caller.now
    }

    fn snapset_seq(&self) -> Option<SnapId> {
        self.scratch.seq
    }
}
