//! Object classes: methods that run beside an object's data, inside its operation.
//!
//! An engine is given a [`Classes`] when it opens and hands each method an [`ObjectContext`]. On a
//! Ceph cluster the OSD does all this itself. Methods are plain functions of what the context
//! shows: restartable, without clock or randomness of their own.

use bytes::Bytes;

use crate::op::{CreateMode, ObjectStat, OmapPage, Timestamp};
use crate::{ClientAddress, ClientId, Errno, SnapId};

/// Whether a method may change its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    Read,
    Write,
}

/// All classes an engine offers.
pub trait Classes: Send + Sync {
    /// `None` when there is no such method: the operation fails with `EOPNOTSUPP`.
    fn kind(&self, class: &str, method: &str) -> Option<MethodKind>;

    /// Runs a method. Bytes returned by a writing method are dropped.
    fn call(
        &self,
        class: &str,
        method: &str,
        object: &mut dyn ObjectContext,
        input: &[u8],
    ) -> Result<Bytes, Errno>;
}

/// No classes at all, for stores that only hold objects.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClasses;

impl Classes for NoClasses {
    fn kind(&self, _class: &str, _method: &str) -> Option<MethodKind> {
        None
    }

    fn call(
        &self,
        _class: &str,
        _method: &str,
        _object: &mut dyn ObjectContext,
        _input: &[u8],
    ) -> Result<Bytes, Errno> {
        Err(Errno::OPNOTSUPP)
    }
}

/// The object a method runs on. Reads of content show what was there before the operation;
/// existence and size show what the steps before made of it.
pub trait ObjectContext {
    /// `ENOENT` when the object does not exist.
    fn stat(&mut self) -> Result<ObjectStat, Errno>;
    /// Short at the end of the object. `ENOENT`.
    fn read(&mut self, offset: u64, length: u64) -> Result<Bytes, Errno>;
    /// `ENODATA`, or `ENOENT` when there is no object.
    fn xattr(&mut self, name: &str) -> Result<Bytes, Errno>;
    /// All attributes, sorted by name.
    fn xattrs(&mut self) -> Result<Vec<(String, Bytes)>, Errno>;
    /// `ENOENT` when there is no such key or no object.
    fn omap_value(&mut self, key: &[u8]) -> Result<Bytes, Errno>;
    /// Pairs after `after` that begin with `prefix`. `ENOENT` when there is no object.
    fn omap_list(
        &mut self,
        after: Option<&[u8]>,
        prefix: &[u8],
        max: u64,
    ) -> Result<OmapPage, Errno>;

    fn create(&mut self, mode: CreateMode) -> Result<(), Errno>;
    fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), Errno>;
    fn write_full(&mut self, data: &[u8]) -> Result<(), Errno>;
    fn truncate(&mut self, size: u64) -> Result<(), Errno>;
    fn zero(&mut self, offset: u64, length: u64) -> Result<(), Errno>;
    fn remove(&mut self) -> Result<(), Errno>;
    fn set_xattr(&mut self, name: &str, value: &[u8]) -> Result<(), Errno>;
    /// `ENOENT` when there is no object; no error when it has no such attribute.
    fn remove_xattr(&mut self, name: &str) -> Result<(), Errno>;
    fn omap_set(&mut self, entries: Vec<(Bytes, Bytes)>) -> Result<(), Errno>;
    /// `ENOENT` when there is no object.
    fn omap_remove(&mut self, keys: Vec<Bytes>) -> Result<(), Errno>;

    /// Who sent the operation.
    fn caller(&self) -> (ClientId, ClientAddress);
    /// Who watches the object, each watch once.
    fn watchers(&self) -> &[(ClientId, ClientAddress)];
    /// The store's clock at the start of the operation.
    fn now(&self) -> Timestamp;
    /// The newest snapshot that the object has seen; 0 without one, and for a reading method.
    /// `None` when there is no object, nor a clone of one.
    fn snapset_seq(&self) -> Option<SnapId>;
}
