//! The object as a class method sees it.

use bytes::Bytes;

use super::transaction::Transaction;
use crate::class::{MethodKind, ObjectContext};
use crate::op::{CreateMode, ObjectStat, OmapPage, Timestamp};
use crate::{ClientAddress, ClientId, Errno, SnapContext, SnapId};

/// Who runs an operation, when, under which snapshots.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) client: ClientId,
    pub(super) address: ClientAddress,
    /// Of the object, at the time of the operation.
    pub(super) watchers: Vec<(ClientId, ClientAddress)>,
    pub(super) now: Timestamp,
    pub(super) snap_context: SnapContext,
    /// The longest page of omap pairs handed out.
    pub(super) omap_page: u64,
}

pub(super) struct MethodContext<'a> {
    pub(super) transaction: &'a mut Transaction,
    pub(super) caller: &'a Caller,
    pub(super) kind: MethodKind,
}

impl MethodContext<'_> {
    /// A method registered as reading must not write (`EPERM`).
    fn writing(&mut self) -> Result<&mut Transaction, Errno> {
        match self.kind {
            MethodKind::Write => Ok(self.transaction),
            MethodKind::Read => Err(Errno::PERM),
        }
    }
}

impl ObjectContext for MethodContext<'_> {
    fn stat(&mut self) -> Result<ObjectStat, Errno> {
        self.transaction.stat()
    }

    fn read(&mut self, offset: u64, length: u64) -> Result<Bytes, Errno> {
        self.transaction.read(offset, length)
    }

    fn xattr(&mut self, name: &str) -> Result<Bytes, Errno> {
        self.transaction.xattr(name)
    }

    fn xattrs(&mut self) -> Result<Vec<(String, Bytes)>, Errno> {
        self.transaction.all_xattrs()
    }

    fn omap_value(&mut self, key: &[u8]) -> Result<Bytes, Errno> {
        self.transaction.omap_value(key)
    }

    fn omap_list(
        &mut self,
        after: Option<&[u8]>,
        prefix: &[u8],
        max: u64,
    ) -> Result<OmapPage, Errno> {
        self.transaction.omap_list(after, prefix, max.min(self.caller.omap_page))
    }

    fn create(&mut self, mode: CreateMode) -> Result<(), Errno> {
        self.writing()?.create(mode)
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), Errno> {
        crate::checked::extent(offset, data.len() as u64)?;
        self.writing()?.write(offset, data);
        Ok(())
    }

    fn write_full(&mut self, data: &[u8]) -> Result<(), Errno> {
        crate::checked::extent(0, data.len() as u64)?;
        self.writing()?.write_full(data);
        Ok(())
    }

    fn truncate(&mut self, size: u64) -> Result<(), Errno> {
        crate::checked::extent(0, size)?;
        self.writing()?.truncate(size);
        Ok(())
    }

    fn zero(&mut self, offset: u64, length: u64) -> Result<(), Errno> {
        crate::checked::extent(offset, length)?;
        self.writing()?.zero(offset, length);
        Ok(())
    }

    fn remove(&mut self) -> Result<(), Errno> {
        self.writing()?.remove()
    }

    fn set_xattr(&mut self, name: &str, value: &[u8]) -> Result<(), Errno> {
        self.writing()?.set_xattr(name, Bytes::copy_from_slice(value));
        Ok(())
    }

    fn remove_xattr(&mut self, name: &str) -> Result<(), Errno> {
        self.writing()?.remove_xattr(name)
    }

    fn omap_set(&mut self, entries: Vec<(Bytes, Bytes)>) -> Result<(), Errno> {
        self.writing()?.omap_set(entries);
        Ok(())
    }

    fn omap_remove(&mut self, keys: Vec<Bytes>) -> Result<(), Errno> {
        self.writing()?.omap_remove(&keys)
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
        self.transaction.seq
    }
}
